"""Event streams over a real socket: kept alive, cut off by revocation, capped, and noticed when their reader leaves."""
import contextlib
import json
import threading
import time

import pytest

from gateway import MODERN, Gateway

OVERLAY = """
server: { limits: { keep_alive: 300ms } }
limits: { streams: 3 }
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("streams"), OVERLAY).start()
    yield running
    assert running.stop() == 0


@contextlib.contextmanager
def opened(gateway, token, method, params, id=1):
    params = {**params, "_meta": {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}}
    head = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {token}"}
    if "name" in params:
        head["Mcp-Name"] = params["name"]
    body = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    with gateway.http() as http, http.stream("POST", gateway.mcp_url, json=body, headers=head) as answer:
        yield answer


def listening(gateway, token, id=1):
    return opened(gateway, token, "subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id)


def frames(lines):
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def submit(gateway, token):
    return gateway.call(token, "submit_task", {
        "name": "interop", "profile": "docker-batch", "instance_count": 1,
        "constants": [{"key": "DOCKER_CMD", "value": "sleep 600"}, {"key": "SIM_DURATION_MS", "value": "600000"}]}).json()["result"]["structuredContent"]["uuid"]


def test_a_listen_stream_is_acknowledged_kept_alive_and_ended_by_revocation(gateway):
    tokens = gateway.grant()
    with listening(gateway, tokens["access_token"], id="abc") as answer:
        assert answer.status_code == 200 and answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-accel-buffering"] == "no" and "no-store" in answer.headers["cache-control"]
        lines, comments = [], 0
        began = time.monotonic()
        for line in answer.iter_lines():
            lines.append(line)
            if line == ":":
                comments += 1
                if comments == 3:
                    assert time.monotonic() - began < 3
                    with gateway.http() as http:
                        http.post(gateway.issuer + "/revoke", data={"token": tokens["refresh_token"], "client_id": tokens["client_id"]})
                    revoked = time.monotonic()
        assert time.monotonic() - revoked < 2
    first, cancelled, last = frames(lines)
    key = "io.modelcontextprotocol/subscriptionId"
    assert first["method"] == "notifications/subscriptions/acknowledged"
    assert first["params"] == {"notifications": {}, "_meta": {key: "abc"}}
    assert cancelled["method"] == "notifications/cancelled" and cancelled["params"]["requestId"] == "abc"
    assert last["id"] == "abc" and last["result"]["resultType"] == "complete" and last["result"]["_meta"][key] == "abc"


def test_a_user_has_so_many_streams_and_one_that_ended_makes_room(gateway):
    token = gateway.grant()["access_token"]
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(listening(gateway, token)) for _ in range(3)]
        assert all(stream.status_code == 200 for stream in streams)
        with listening(gateway, token) as refused:
            assert refused.status_code == 429 and refused.headers["retry-after"] == "60"
            assert json.loads(refused.read())["error"]["code"] == 4290
    deadline = time.monotonic() + 1
    while True:
        with listening(gateway, token) as again:
            if again.status_code == 200:
                break
        assert time.monotonic() < deadline, "a reader that left still holds its place"
    assert any(record["policy"] == "limit.streams" for record in gateway.records("--event", "ratelimit.exceeded"))


def test_a_reader_that_leaves_cancels_its_call_within_a_second(gateway):
    token = gateway.grant()["access_token"]
    arguments = {"task_uuid": submit(gateway, token), "timeout_s": 60}
    began = time.monotonic()
    with opened(gateway, token, "tools/call", {"name": "wait_for_task", "arguments": arguments}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        lines = answer.iter_lines()
        while next(lines) != ":":
            pass
        left = time.monotonic() - began
    deadline = time.monotonic() + 5
    while not (records := [r for r in gateway.records("--event", "mcp.tool.called") if r.get("tool") == "wait_for_task"]):
        assert time.monotonic() < deadline
    assert records[0]["outcome"] == "failure" and records[0]["reason"] == "cancelled", records
    assert records[0]["ms"] < (left + 1) * 1000


def test_a_drain_ends_streams_in_words_and_lets_calls_finish(folder):
    gateway = Gateway(folder, "server: { drain: { deadline: 3s }, limits: { keep_alive: 300ms } }").start()
    token = gateway.grant()["access_token"]
    uuid = submit(gateway, token)
    ended, opened_all = {}, threading.Barrier(4)

    def read(name, method, params):
        with opened(gateway, token, method, params) as answer:
            lines = []
            for line in answer.iter_lines():  # raises when the body is cut short
                lines.append(line)
                if len(lines) == 1:
                    opened_all.wait(20)
            ended[name] = frames(lines)

    threads = [
        threading.Thread(target=read, args=("listen", "subscriptions/listen", {"notifications": {}})),
        threading.Thread(target=read, args=("short", "tools/call", {"name": "wait_for_task", "arguments": {"task_uuid": uuid, "timeout_s": 2}})),
        threading.Thread(target=read, args=("long", "tools/call", {"name": "wait_for_task", "arguments": {"task_uuid": uuid, "timeout_s": 60}})),
    ]
    for thread in threads:
        thread.start()
    opened_all.wait(20)
    assert gateway.stop() == 0
    for thread in threads:
        thread.join(20)
    assert [f.get("method") for f in ended["listen"]] == ["notifications/subscriptions/acknowledged", "notifications/cancelled", None]
    assert "result" in ended["short"][-1], ended["short"]
    assert ended["long"][-1]["error"]["code"] == 5030, ended["long"]
    gateway.start()
    outcomes = {(r["outcome"], r.get("reason")) for r in gateway.records("--event", "mcp.tool.called") if r["tool"] == "wait_for_task"}
    assert ("failure", "cancelled") in outcomes
    assert gateway.stop() == 0
