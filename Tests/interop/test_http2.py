"""HTTP/2 with clients of others: the h2 library, driven by hand where it must misbehave, httpx and curl."""
import json
import socket
import subprocess
import time

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
from gateway import MODERN, Gateway

OVERLAY = "limits: { address: off }\nserver: { limits: { header_timeout: 2s, body_idle_timeout: 1s, idle_timeout: 3s } }\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("http2"), OVERLAY).start()
    yield running
    assert running.stop() == 0


class Peer:
    """One connection of the h2 library, which may be told to send what it would refuse to."""

    def __init__(self, gateway, careful=True):
        context = gateway.tls()
        context.set_alpn_protocols(["h2"])
        self.host, port = gateway.issuer.removeprefix("https://").split(":")
        self.authority = f"{self.host}:{port}"
        self.socket = context.wrap_socket(socket.create_connection((self.host, int(port)), timeout=15), server_hostname=self.host)
        assert self.socket.selected_alpn_protocol() == "h2"
        config = h2.config.H2Configuration(
            client_side=True, validate_outbound_headers=careful, normalize_outbound_headers=careful, validate_inbound_headers=True)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.events = []
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def raw(self, data):
        self.socket.sendall(data)

    def headers(self, method="GET", path="/health", extra=(), end=True, stream=None):
        stream = stream or self.h2.get_next_available_stream_id()
        self.h2.send_headers(
            stream, [(":method", method), (":scheme", "https"), (":authority", self.authority), (":path", path), *extra], end_stream=end)
        self.flush()
        return stream

    def until(self, kind, stream=None, seconds=10):
        """The first event of that kind (of that stream); None when the server ended the connection before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in self.events:
                if isinstance(event, kind) and stream in (None, getattr(event, "stream_id", None)):
                    return event
            data = self.socket.recv(65536)
            if not data:
                return None
            self.events += self.h2.receive_data(data)
            for event in self.events:
                if isinstance(event, h2.events.DataReceived) and not getattr(event, "taken", False):
                    event.taken = True
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.flush()
        raise AssertionError(f"no {kind.__name__}")

    def answer(self, stream):
        """Status and body of a stream's answer."""
        head = self.until(h2.events.ResponseReceived, stream)
        assert self.until(h2.events.StreamEnded, stream)
        body = b"".join(e.data for e in self.events if isinstance(e, h2.events.DataReceived) and e.stream_id == stream)
        return int(dict(head.headers)[b":status"]), body


def test_the_flow_and_a_tool_call_over_http2(gateway):
    token = gateway.grant()["access_token"]
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}}
    head = {"Authorization": f"Bearer {token}", "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "whoami",
            "Accept": "application/json"}
    with httpx.Client(verify=gateway.tls(), http2=True) as http:
        for _ in range(3):
            answer = http.post(gateway.mcp_url, json=body, headers=head)
            assert answer.http_version == "HTTP/2" and answer.status_code == 200
            assert answer.json()["result"]["structuredContent"]["user"] == "demo"
        assert http.get(gateway.issuer + "/").http_version == "HTTP/2"
        assert http.post(gateway.mcp_url, json=body).status_code == 401
    assert gateway.records("--event", "mcp.tool.called")


def test_curl_and_old_clients_get_what_they_ask_for(gateway):
    def version(*options):
        command = ["curl", "-sS", "--cacert", gateway.ready["ca_file"], "-o", "/dev/null", "-w", "%{http_version}", *options]
        return subprocess.run([*command, gateway.issuer + "/health"], capture_output=True, text=True, check=True).stdout
    assert version("--http2") == "2"
    assert version("--http1.1") == "1.1"
    assert version("--no-alpn") == "1.1"


def test_streams_are_answered_side_by_side(gateway):
    peer = Peer(gateway)
    streams = [peer.headers(path="/" if n % 2 else "/health") for n in range(50)]
    for stream in streams:
        assert peer.answer(stream)[0] == 200


def test_a_body_of_megabytes_passes_flow_control(gateway):
    token = gateway.grant()["access_token"]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "nothing", "params": {"x": "a" * 3_000_000}})
    with httpx.Client(verify=gateway.tls(), http2=True, timeout=30) as http:
        answer = http.post(gateway.mcp_url, content=body, headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        assert answer.http_version == "HTTP/2" and answer.json()["error"]["code"] == -32601
    peer = Peer(gateway)
    announced = peer.headers("POST", "/mcp", [("authorization", f"Bearer {token}"), ("content-length", "5000000")], end=False)
    assert peer.until(h2.events.ResponseReceived, announced) and (b":status", b"413") in peer.until(h2.events.ResponseReceived, announced).headers


def test_an_event_stream_runs_and_its_reset_cancels_the_call(gateway):
    token = gateway.grant()["access_token"]
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": {"notifications": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}}).encode()
    peer = Peer(gateway)
    stream = peer.headers("POST", "/mcp", [
        ("authorization", f"Bearer {token}"), ("content-type", "application/json"), ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", MODERN), ("mcp-method", "subscriptions/listen")], end=False)
    peer.h2.send_data(stream, body, end_stream=True)
    peer.flush()
    assert peer.until(h2.events.ResponseReceived, stream)
    assert b"acknowledged" in peer.until(h2.events.DataReceived, stream).data
    other = peer.headers()
    assert peer.answer(other)[0] == 200
    peer.h2.reset_stream(stream)
    peer.flush()
    assert peer.answer(peer.headers())[0] == 200


@pytest.mark.parametrize("extra", [
    [("connection", "close")], [("transfer-encoding", "chunked")], [("te", "gzip")], [("upgrade", "h2c")], [("X-Upper", "1")],
    [(":path", "/")], [("content-length", "5")],
])
def test_what_h2_itself_would_refuse_gets_no_answer_but_a_reset(gateway, extra):
    peer = Peer(gateway, careful=False)
    stream = peer.headers(extra=extra)
    reset = peer.until(h2.events.StreamReset, stream) or peer.until(h2.events.ConnectionTerminated)
    assert reset and not any(isinstance(e, h2.events.ResponseReceived) and e.stream_id == stream for e in peer.events)


@pytest.mark.parametrize("method, path, extra, status", [
    ("TRACE", "/", [], 501), ("GET", "/a/../b", [], 400), ("GET", "/a%2fb", [], 400), ("GET", "//", [], 400), ("GET", "/a;b", [], 400),
    ("GET", "/", [("x_user", "1")], 400), ("GET", "/", [("host", "evil.example")], 400), ("GET", "/" + "a" * 17_000, [], 414),
    ("GET", "/", [(f"x-{n}", "a" * 900) for n in range(40)], 431),
])
def test_what_http1_refuses_is_refused_with_the_same_status(gateway, method, path, extra, status):
    peer = Peer(gateway, careful=False)
    assert peer.answer(peer.headers(method, path, extra))[0] == status
    assert peer.answer(peer.headers())[0] == 200


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def rapid_reset(peer):
    for _ in range(400):
        stream = peer.h2.get_next_available_stream_id()
        peer.h2.send_headers(stream, [(":method", "GET"), (":scheme", "https"), (":authority", peer.authority), (":path", "/health")], end_stream=True)
        peer.h2.reset_stream(stream)
    peer.flush()


FLOODS = {
    "rapid reset": rapid_reset,
    "pings": lambda peer: peer.raw(frame(6, 0, 0, bytes(8)) * 400),
    "settings": lambda peer: peer.raw(frame(4, 0, 0, b"\0\3\0\0\0\x64") * 400),
    "priorities": lambda peer: peer.raw(frame(2, 0, 1, bytes(5)) * 800),
    "empty data": lambda peer: (peer.headers("POST", "/token", end=False, stream=1), peer.raw(frame(0, 0, 1) * 400)),
    "continuations": lambda peer: (peer.raw(frame(1, 0, 1, b"\x82\x87\x84")), peer.raw(frame(9, 0, 1, b"\0\1a\1b") * 200)),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_sent_away_while_others_are_served(gateway, flood):
    good, bad = Peer(gateway), Peer(gateway)
    try:
        FLOODS[flood](bad)
        terminated = bad.until(h2.events.ConnectionTerminated)
        assert terminated is None or terminated.error_code == 11, "ENHANCE_YOUR_CALM"
    except (ConnectionError, BrokenPipeError):
        pass
    assert good.answer(good.headers())[0] == 200


def test_a_slow_body_is_refused_and_a_slow_head_ends_the_connection(gateway):
    peer = Peer(gateway)
    stream = peer.headers("POST", "/token", [("content-type", "application/x-www-form-urlencoded")], end=False)
    assert peer.answer(stream)[0] == 408
    slow = Peer(gateway)
    slow.raw(frame(1, 0, 1, b"\x82\x87\x84"))
    slow.until(h2.events.ConnectionTerminated)
    assert slow.socket.recv(1) == b""


def test_an_idle_connection_is_told_goodbye(gateway):
    peer = Peer(gateway)
    assert peer.answer(peer.headers())[0] == 200
    ended = peer.until(h2.events.ConnectionTerminated)
    assert ended and ended.error_code == 0


def test_a_drain_lets_streams_finish(tmp_path):
    running = Gateway(tmp_path / "drain", "limits: { address: off }\n").start()
    peer = Peer(running)
    assert peer.answer(peer.headers())[0] == 200
    running.process.terminate()
    ended = peer.until(h2.events.ConnectionTerminated)
    assert ended and ended.error_code == 0
    assert running.process.wait(15) == 0
