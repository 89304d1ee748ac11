"""What links the requests of a client at the gateway: sessions of the handshake era, questions before something is destroyed, the
page for a missing key, tasks that outlive the process."""
import time

import pytest
from everything import Legacy, events, modern
from gateway import Gateway

OVERLAY = """
confirm: destructive
"""
TASKS = {"extensions": {"io.modelcontextprotocol/tasks": {}}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("sessions"), OVERLAY).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def alice(gateway):
    return gateway.add_user("alice", key=True)


def legacy(gateway, tokens, **options):
    return Legacy(gateway.mcp_url, headers={"Authorization": f"Bearer {tokens['access_token']}"}, verify=gateway.tls(), **options)


def today(gateway, tokens, method, params=None, capabilities=None):
    with gateway.http(headers={"Authorization": f"Bearer {tokens['access_token']}"}) as http:
        return modern(gateway.mcp_url, method, params, capabilities, http=http)


def submit(gateway, tokens, duration=600_000):
    answer = today(gateway, tokens, "tools/call", {"name": "submit_task", "arguments": {
        "name": "interop", "profile": "docker-batch", "instance_count": 1,
        "constants": [{"key": "DOCKER_CMD", "value": "sleep"}, {"key": "SIM_DURATION_MS", "value": str(duration)}]}})
    return answer.json()["result"]["structuredContent"]["uuid"]


def text(answer):
    return answer["result"]["content"][0]["text"]


def test_a_session_belongs_to_its_user_client_and_grant(gateway, alice):
    tokens = gateway.grant(alice)
    client = legacy(gateway, tokens)
    assert client.session and client.post("ping").json()["result"] == {}
    own = client.http.headers["Authorization"]
    for other in (gateway.grant(), gateway.grant(alice)):  # another user; the same user by another client and grant
        client.http.headers["Authorization"] = f"Bearer {other['access_token']}"
        assert client.post("ping").status_code == 404
        assert client.end().status_code == 404
    client.http.headers["Authorization"] = f"Bearer {gateway.refresh(tokens).json()['access_token']}"
    assert client.post("ping").status_code == 200  # a newer token of the same grant
    client.http.headers["Authorization"] = own
    assert client.post("ping").status_code == 200
    assert client.end().status_code == 204 and client.post("ping").status_code == 404


def test_a_session_has_one_stream_at_the_gateway_too(gateway, alice):
    client = legacy(gateway, gateway.grant(alice))
    with client.get() as first:
        assert first.status_code == 200 and first.headers["content-type"] == "text/event-stream"
        again = legacy(gateway, {"access_token": client.http.headers["Authorization"][7:]})
        again.session = client.session
        with again.get() as second:
            assert second.status_code == 409
    assert client.http.get(gateway.mcp_url, headers={"Accept": "text/event-stream"}).status_code == 405


def test_a_lost_connection_loses_no_result_and_a_cancelled_call_has_none(gateway, alice):
    tokens = gateway.grant(alice)
    client = legacy(gateway, tokens)
    uuid = submit(gateway, tokens, 1500)
    message = client.message("tools/call", {"name": "wait_for_task", "arguments": {"task_uuid": uuid, "timeout_s": 30},
                                            "_meta": {"progressToken": "p"}})
    with client.http.stream("POST", gateway.mcp_url, json=message, headers=client.headers()) as response:
        ident, first = next(events(response))
    assert first is None  # the priming event
    with client.get(**{"Last-Event-ID": ident}) as stream:
        rest = [event for _, event in events(stream)]
    assert rest[-1]["id"] == message["id"] and rest[-1]["result"]["structuredContent"]["state"] == "Success"

    uuid = submit(gateway, tokens)
    message = client.message("tools/call", {"name": "wait_for_task", "arguments": {"task_uuid": uuid, "timeout_s": 60},
                                            "_meta": {"progressToken": "p"}})
    with client.http.stream("POST", gateway.mcp_url, json=message, headers=client.headers()) as response:
        stream = events(response)
        next(stream)
        began = time.monotonic()
        other = legacy(gateway, tokens)
        other.session = client.session
        assert other.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": message["id"]}}).status_code == 202
        assert not [event for _, event in stream if event and ("result" in event or "error" in event)]
    assert time.monotonic() - began < 10
    record = gateway.records("--user", "alice", "--event", "mcp.tool.called")[-1]
    assert (record["outcome"], record["reason"]) == ("failure", "cancelled")


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_destroying_needs_a_yes(gateway, alice, era):
    tokens = gateway.grant(alice)
    uuid = submit(gateway, tokens)
    call = {"name": "delete_task", "arguments": {"task_uuid": uuid}}

    def delete(action, **content):
        answer = {"action": action, **({"content": content} if content else {})}
        if era == "legacy":
            message, before = legacy(gateway, tokens).call(call["name"], call["arguments"], answer=lambda request: answer)
            assert before[0]["method"] == "elicitation/create" and uuid in before[0]["params"]["message"]
            return message
        capabilities = {"elicitation": {}}
        asked = today(gateway, tokens, "tools/call", call, capabilities).json()["result"]
        assert asked["resultType"] == "input_required"
        retry = {**call, "inputResponses": {"confirmation": answer}, "requestState": asked["requestState"]}
        first = today(gateway, tokens, "tools/call", retry, capabilities).json()
        assert today(gateway, tokens, "tools/call", retry, capabilities).json()["error"]["code"] == -32602  # one yes, one call
        return first

    assert "nothing was done" in text(delete("decline"))
    assert today(gateway, tokens, "tools/call", {"name": "get_task", "arguments": {"task_uuid": uuid}}).json()["result"].get("isError") is None
    assert delete("accept", confirm=True)["result"].get("isError") is None
    assert today(gateway, tokens, "tools/call", {"name": "get_task", "arguments": {"task_uuid": uuid}}).json()["result"]["isError"]
    reasons = [record.get("reason") for record in gateway.records("--user", "alice", "--event", "mcp.tool.called") if record["tool"] == "delete_task"]
    assert era == "legacy" or "input_required" in reasons


def test_a_client_that_cannot_ask_destroys_nothing(gateway, alice):
    tokens = gateway.grant(alice)
    uuid = submit(gateway, tokens)
    answer = today(gateway, tokens, "tools/call", {"name": "delete_task", "arguments": {"task_uuid": uuid}}).json()
    assert answer["result"]["isError"] and "elicitation" in text(answer) and "confirm: off" in text(answer)
    assert today(gateway, tokens, "tools/call", {"name": "get_task", "arguments": {"task_uuid": uuid}}).json()["result"].get("isError") is None


def test_a_missing_key_is_asked_for_on_the_page_where_it_belongs(gateway):
    bob = gateway.add_user("bob")
    tokens = gateway.grant(bob)
    call = {"name": "list_profiles", "arguments": {}}
    plain = today(gateway, tokens, "tools/call", call, {"elicitation": {}}).json()
    assert plain["result"]["isError"] and "/account" in text(plain)
    capabilities = {"elicitation": {"url": {}}}
    asked = today(gateway, tokens, "tools/call", call, capabilities).json()["result"]["inputRequests"]["qarnot_key"]
    assert asked["method"] == "elicitation/create"
    assert asked["params"] == {"mode": "url", "message": asked["params"]["message"], "url": gateway.issuer + "/account"}
    opened = {**call, "inputResponses": {"qarnot_key": {"action": "accept"}}}
    assert today(gateway, tokens, "tools/call", opened, capabilities).json()["result"]["resultType"] == "input_required"
    declined = {**call, "inputResponses": {"qarnot_key": {"action": "decline"}}}
    assert today(gateway, tokens, "tools/call", declined, capabilities).json()["result"]["isError"]
    assert gateway.command("key", "set", "bob", "qarnot", "--stdin", input=gateway.user["qarnot_key"] + "\n").returncode == 0
    deadline = time.monotonic() + 10
    while today(gateway, tokens, "tools/call", opened, capabilities).json()["result"]["resultType"] != "complete":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_task_is_its_users_and_outlives_the_process(tmp_path):
    gateway = Gateway(tmp_path).start()
    carol = gateway.add_user("carol", key=True)
    tokens = gateway.grant(carol)
    discovered = today(gateway, tokens, "server/discover").json()["result"]["capabilities"]
    assert discovered["extensions"] == {"io.modelcontextprotocol/tasks": {}}
    uuid = submit(gateway, tokens, 1000)
    created = today(gateway, tokens, "tools/call", {"name": "wait_for_task", "arguments": {"task_uuid": uuid, "timeout_s": 30}}, TASKS).json()["result"]
    assert created["resultType"] == "task" and created["status"] == "working"
    task = {"taskId": created["taskId"]}
    assert today(gateway, gateway.grant(), "tasks/get", task, TASKS).json()["error"]["code"] == -32602
    assert today(gateway, gateway.grant(carol), "tasks/get", task, TASKS).json()["result"]["taskId"] == created["taskId"]

    def ended():
        deadline = time.monotonic() + 20
        while (got := today(gateway, tokens, "tasks/get", task, TASKS).json()["result"])["status"] == "working":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return got

    assert ended()["result"]["structuredContent"]["state"] == "Success"
    client = legacy(gateway, tokens)
    assert gateway.stop() == 0
    gateway.start()
    # The simulator forgot its tasks with the process: the waiting tool says so, through the same handle.
    got = ended()
    assert got["status"] == "completed" and got["result"]["isError"] and got["taskId"] == created["taskId"]
    client.url = gateway.mcp_url
    client.http = legacy(gateway, tokens).http
    assert client.post("ping").status_code == 200  # nor does a session mind
    assert gateway.stop() == 0
