"""What h11, a strict parser of others, refuses as a server, and we accept, has its reason here."""
import h11
import pytest
from gateway import Gateway
from test_smuggling import CLASSES, exchange

HOST = b"Host: {host}\r\n"
ACCEPTED = {
    "plain": b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n",
    "lower-case fields": b"GET /health HTTP/1.1\r\nhost: {host}\r\nx-a:1\r\n\r\n",
    "white space around a value": b"GET /health HTTP/1.1\r\n" + HOST + b"X-A: \t 1 \t\r\n\r\n",
    "an empty value": b"GET /health HTTP/1.1\r\n" + HOST + b"X-A:\r\n\r\n",
    "bytes above ASCII in a value": b"GET /health HTTP/1.1\r\n" + HOST + b"X-A: \xc3\xa9\r\n\r\n",
    "a query": b"GET /health?a=b&c=%20 HTTP/1.1\r\n" + HOST + b"\r\n",
    "the absolute form": b"GET https://{host}/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a chunked body": b"POST /token HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a chunk extension": b"POST /token HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
    "trailers": b"POST /token HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 1\r\n\r\n",
    "a length with zeros": b"POST /token HTTP/1.1\r\n" + HOST + b"Content-Length: 005\r\n\r\nhello",
    "an empty line first": b"\r\nGET /health HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/1.0": b"GET /health HTTP/1.0\r\n" + HOST + b"\r\n",
}
# Where the two differ, and why ours stays.
EXPLAINED = {
    "an empty line first": "RFC 9112 §2.2 asks servers to forgive one empty line before a request.",
}


def h11_accepts(payload):
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(payload.replace(b"{host}", b"localhost"))
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or isinstance(event, h11.EndOfMessage):
                return True
    except h11.RemoteProtocolError:
        return False


def is_refusal(answer):
    """Refused by the parser, not by a route: only those close the connection with a reason."""
    head = answer.split(b"\r\n\r\n")[0]
    return not answer or b"connection: close" in head and answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 41", b"HTTP/1.1 431", b"HTTP/1.1 501"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("h11"), "limits: { address: off }\nserver: { limits: { header_timeout: 1s, idle_timeout: 1s } }\n").start()
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize("name", [*ACCEPTED, *CLASSES])
def test_what_h11_refuses_is_refused_or_explained(gateway, name):
    payload = ACCEPTED.get(name) or CLASSES[name]
    if h11_accepts(payload):
        return
    assert is_refusal(exchange(gateway, payload)) or name in EXPLAINED


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_right_is_accepted(gateway, name):
    assert not is_refusal(exchange(gateway, ACCEPTED[name]))
