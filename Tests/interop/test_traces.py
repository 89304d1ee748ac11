"""Traces over OTLP/HTTP, as a collector receives them (W3C Trace Context)."""
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway import Gateway


class Collector:
    def __init__(self, status=200):
        self.documents, self.fields, collector = [], [], self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                collector.fields.append({**self.headers, "path": self.path})
                collector.documents.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self):
        return [s for d in self.documents for r in d["resourceSpans"] for c in r["scopeSpans"] for s in c["spans"]]

    def wait(self, condition):
        deadline = time.monotonic() + 20
        while not (found := [s for s in self.spans() if condition(s)]):
            assert time.monotonic() < deadline, self.spans()
            time.sleep(0.1)
        return found


def attributes(span):
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def test_a_request_is_a_span_linked_to_the_clients_own_trace(folder):
    collector = Collector()
    (folder / "collector").write_text("Bearer collector-secret\n")
    gateway = Gateway(
        folder, f"traces: {{ endpoint: '{collector.url}', share: '1', authorization: 'file:{folder}/collector' }}\n").start()
    tokens = gateway.grant()
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    answer = gateway.rpc(tokens["access_token"], "tools/call", {"name": "whoami", "arguments": {}},
                         headers={"traceparent": f"00-{trace}-{parent}-01"})
    assert answer.status_code == 200
    span = collector.wait(lambda s: s["links"])[0]
    assert span["links"] == [{"traceId": trace, "spanId": parent}] and span["traceId"] != trace
    assert len(span["traceId"]) == 32 and len(span["spanId"]) == 16 and span["kind"] == 2
    assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"]) > 1e18
    found = attributes(span)
    assert (found["http.request.method"], found["http.route"], found["http.response.status_code"]) == ("POST", "/mcp", "200")
    assert found["gatehouse.request_id"] in [r["request_id"] for r in gateway.records("--event", "mcp.tool.called")]
    assert collector.fields[0]["Authorization"] == "Bearer collector-secret" and collector.fields[0]["path"] == "/v1/traces"
    text = json.dumps(collector.documents)
    for secret in (tokens["access_token"], tokens["refresh_token"], gateway.user["password"], "demo", "code="):
        assert secret not in text
    assert "collector-secret" not in gateway.command("config", "show").stdout
    assert gateway.stop() == 0


def test_a_collector_that_refuses_costs_nothing_but_its_spans(folder):
    import httpx
    collector = Collector(503)
    gateway = Gateway(folder, f"traces: {{ endpoint: '{collector.url}', share: '1' }}\n").start()
    token = gateway.grant()["access_token"]
    collector.wait(lambda s: True)
    for _ in range(20):
        assert gateway.call(token, "whoami").status_code == 200
    deadline = time.monotonic() + 15
    while "gatehouse_traces_dropped_total 0\n" in (text := httpx.get(gateway.ready["admin_url"] + "/metrics").text):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "gatehouse_traces_dropped_total" in text
    assert gateway.stop() == 0


def test_a_share_of_none_sends_nothing(folder):
    collector = Collector()
    gateway = Gateway(folder, f"traces: {{ endpoint: '{collector.url}', share: '0' }}\n").start()
    gateway.grant()
    time.sleep(4)
    assert not collector.documents
    assert gateway.stop() == 0
