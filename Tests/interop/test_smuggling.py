"""Request smuggling over HTTP/1.1: the published classes, one connection each. A request hidden behind another is never answered."""
import socket

import pytest
from gateway import Gateway

HIDDEN = b"GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: {host}\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("smuggling"), "limits: { address: off }\nserver: { limits: { header_timeout: 2s } }\n").start()
    yield running
    assert running.stop() == 0


def exchange(gateway, payload):
    host, port = gateway.issuer.removeprefix("https://").split(":")
    context = gateway.tls()
    with context.wrap_socket(socket.create_connection((host, int(port)), timeout=15), server_hostname=host) as connection:
        connection.sendall(payload.replace(b"{host}", f"{host}:{port}".encode()))
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except (ConnectionError, TimeoutError, OSError):
            pass
    return answer


HEAD = b"POST /token HTTP/1.1\r\nHost: {host}\r\n"
CLASSES = {
    "CL.TE": HEAD + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "TE.CL": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n8\r\nSMUGGLED\r\n0\r\n\r\n",
    "TE with a tab before its value's end": HEAD + b"Transfer-Encoding: chunked\t, identity\r\n\r\n0\r\n\r\n",
    "TE xchunked": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "TE vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "TE form feed": HEAD + b"Transfer-Encoding: chunked\x0c\r\n\r\n0\r\n\r\n",
    "TE quoted": HEAD + b"Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "TE twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "TE twice the same": HEAD + b"Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE list": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "TE empty": HEAD + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "TE folded": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "TE with a space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "TE after a bare return": HEAD + b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE after a bare line feed": HEAD + b"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE with an underscore": HEAD + b"Transfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "TE in HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "CL twice": HEAD + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "CL twice the same": HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "CL list": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "CL plus": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "CL minus": HEAD + b"Content-Length: -1\r\n\r\n",
    "CL hexadecimal": HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "CL underscore": HEAD + b"Content-Length: 1_0\r\n\r\nhellohello",
    "CL with words": HEAD + b"Content-Length: 5 bytes\r\n\r\nhello",
    "CL beyond 2^63": HEAD + b"Content-Length: 18446744073709551621\r\n\r\nhello",
    "CL empty": HEAD + b"Content-Length:\r\n\r\n",
    "CL null": HEAD + b"Content-Length: 5\x00\r\n\r\nhello",
    "a chunk size that overflows": HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a chunk size with 0x": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a sign": HEAD + b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a space": HEAD + b"Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
    "a chunk line ended by a line feed": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "a chunk ended by a line feed": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
    "chunk data that goes on": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    "a chunk extension with a line feed (CVE-2025-55315)": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n",
    "a chunk extension with a bare return": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n",
    "a chunk extension without end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n",
    "a trailer that is a head": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nGET / HTTP/1.1\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n",
    "a host after a bare return": b"GET / HTTP/1.1\r\nX: y\rHost: evil.example\r\nHost: {host}\r\n\r\n",
    "a target of another host": b"GET https://evil.example/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a target with a fragment": b"GET /#x HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a target with a space": b"GET / x HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "a path with two readings": b"GET /mcp/..%2fadmin HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2.0 in text": b"GET / HTTP/2.0\r\nHost: {host}\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "a connection option that removes a header": b"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: authorization\r\n\r\n",
    "an expectation nobody knows": HEAD + b"Expect: 100-continue, 200-ok\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("name", CLASSES)
def test_no_smuggled_request_is_answered(gateway, name):
    answer = exchange(gateway, CLASSES[name] + HIDDEN)
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), answer
    assert b"connection: close" in answer and b"authorization_endpoint" not in answer


def test_a_body_on_a_read_is_not_the_next_request(gateway):
    """CL.0: whoever ignores a body takes it for a request."""
    hidden = HIDDEN.replace(b"{host}", gateway.issuer.removeprefix("https://").encode())
    first = b"GET /health HTTP/1.1\r\nHost: {host}\r\nContent-Length: %d\r\n\r\n" % len(hidden)
    answer = exchange(gateway, first + hidden)
    assert b"authorization_endpoint" not in answer and answer.count(b"HTTP/1.1 ") == 1


def test_pipelined_requests_are_answered_in_order(gateway):
    body = b"grant_type=x"
    post = HEAD + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    answer = exchange(gateway, post + b"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n" + b"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 3
    assert answer.index(b"invalid_client") < answer.index(b'{"status":"ok"}') < answer.index(b"text/html")
