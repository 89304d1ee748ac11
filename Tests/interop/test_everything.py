"""Today's official client drives every feature of the fixture server, in each way it can connect, and raw requests do what no
client would."""
import asyncio
import json
import threading
import time

import httpx
import pytest
from everything import Legacy, events, modern
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CreateMessageResult, ElicitResult, ListRootsResult, PromptReference, ResourceTemplateReference, Root, TextContent)

MODES = ["2026-07-28", "auto", "legacy"]
TASKS = {"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}}


async def elicit(context, params):
    if getattr(params, "url", None):
        return ElicitResult(action="accept")
    content = {}
    for name, field in params.requested_schema["properties"].items():
        default = {"string": "Ada", "boolean": True, "integer": 1, "number": 1.5, "array": []}[field.get("type", "string")]
        content[name] = field.get("default", default)
    return ElicitResult(action="accept", content=content)


async def sample(context, params):
    return CreateMessageResult(role="assistant", content=TextContent(type="text", text="Paris"), model="m", stop_reason="endTurn")


async def roots(context):
    return ListRootsResult(roots=[Root(uri="file:///tmp", name="tmp")])


def drive(url, mode, body, **options):
    async def main():
        async with Client(url, mode=mode, elicitation_callback=elicit, sampling_callback=sample, list_roots_callback=roots,
                          read_timeout_seconds=20, **options) as client:
            return await body(client)

    return asyncio.run(main())


def text(result):
    return result.content[0].text


# -- the official client, three ways -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_the_client_settles_on_the_revision_it_asked_for(everything, mode):
    async def body(client):
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        if mode != MODES[0]:  # a client told which revision to speak does not look what there is
            assert client.server_capabilities.prompts.list_changed and client.server_capabilities.resources.subscribe

    drive(everything.url, mode, body)


@pytest.mark.parametrize("mode", MODES)
def test_tools_return_every_kind_of_content(everything, mode):
    async def body(client):
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names[0] == "test_simple_text" and len(names) == len(set(names)) > 30
        assert text(await client.call_tool("test_simple_text", {})) == "This is a simple text response for testing."
        assert (await client.call_tool("test_image_content", {})).content[0].mime_type == "image/png"
        assert (await client.call_tool("test_audio_content", {})).content[0].mime_type == "audio/wav"
        kinds = [block.type for block in (await client.call_tool("test_multiple_content_types", {})).content]
        assert kinds == ["text", "image", "resource"]
        assert (await client.call_tool("test_resource_link", {})).content[0].type == "resource_link"
        failed = await client.call_tool("test_error_handling", {})
        assert failed.is_error and text(failed) == "This tool intentionally returns an error for testing"
        assert (await client.call_tool("test_structured_content", {})).structured_content == {"temperature": 21.5, "unit": "celsius"}
        array = await client.call_tool("test_structured_array", {})
        assert text(array) == "[1,2,3]" and array.structured_content == (None if mode == "legacy" else [1, 2, 3])

    drive(everything.url, mode, body)


@pytest.mark.parametrize("mode", MODES)
def test_progress_arrives_in_order_before_the_result(everything, mode):
    heard = []

    async def note(value, total, message):
        heard.append((value, total))

    async def body(client):
        await client.call_tool("test_tool_with_progress", {}, progress_callback=note)
        assert heard == [(0, 100), (50, 100), (100, 100)]

    drive(everything.url, mode, body)


@pytest.mark.parametrize("mode", MODES)
def test_questions_reach_the_client_in_both_eras(everything, mode):
    async def body(client):
        assert text(await client.call_tool("test_sampling", {"prompt": "Capital?"})) == "LLM response: Paris"
        asked = text(await client.call_tool("test_elicitation", {"message": "Who?"}))
        assert asked.startswith("User response: <action: accept, content: ") and "Ada" in asked
        defaults = text(await client.call_tool("test_elicitation_sep1034_defaults", {}))
        assert defaults.startswith("Elicitation completed: action=accept") and "John Doe" in defaults
        assert text(await client.call_tool("test_elicitation_url", {})) == "Page answered: action=accept"
        for name in ("elicitation", "sampling", "list_roots", "request_state", "multiple_inputs", "multi_round", "tampered_state",
                     "capabilities"):
            result = await client.call_tool(f"test_input_required_result_{name}", {})
            assert not result.is_error, (name, result)
        assert text(await client.call_tool("test_input_required_result_multi_round", {})) == "Multi-round complete for Ada who likes Ada"

    drive(everything.url, mode, body)


@pytest.mark.parametrize("mode", MODES)
def test_resources_prompts_and_completion(everything, mode):
    async def body(client):
        assert [str(resource.uri) for resource in (await client.list_resources()).resources][0] == "test://static-text"
        read = (await client.read_resource("test://static-text")).contents[0]
        assert read.text == "This is the content of the static text resource." and read.mime_type == "text/plain"
        assert (await client.read_resource("test://static-binary")).contents[0].blob
        templates = (await client.list_resource_templates()).resource_templates
        assert [template.uri_template for template in templates] == ["test://template/{id}/data"]
        assert "123" in (await client.read_resource("test://template/123/data")).contents[0].text
        with pytest.raises(MCPError) as missing:
            await client.read_resource("test://nothing")
        assert missing.value.error.code == (-32002 if mode == "legacy" else -32602)
        assert missing.value.error.data == {"uri": "test://nothing"}
        prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
        assert prompt.messages[0].content.text == "Prompt with arguments: arg1='a', arg2='b'"
        with pytest.raises(MCPError):
            await client.get_prompt("test_prompt_with_arguments", {"arg1": "a"})
        done = await client.complete(PromptReference(name="test_prompt_with_arguments"), {"name": "arg1", "value": "al"})
        assert done.completion.values == ["alpha"]
        done = await client.complete(ResourceTemplateReference(uri="test://template/{id}/data"), {"name": "id", "value": "12"})
        assert done.completion.values == ["12", "123"]

    drive(everything.url, mode, body)


@pytest.mark.parametrize("mode", MODES)
def test_a_prompt_asks_too(everything, mode):
    async def body(client):
        prompt = await client.get_prompt("test_input_required_result_prompt", {})
        assert prompt.messages[0].content.text == "Prompt with context: Ada"

    drive(everything.url, mode, body)


def test_a_listening_client_hears_of_changes_and_reads_them(everything):
    async def body(client):
        async with client.listen(tools_list_changed=True, resource_subscriptions=["test://watched-resource"]) as subscription:
            before = {tool.name for tool in (await client.list_tools()).tools}
            await client.call_tool("test_trigger_prompt_change", {})
            await client.call_tool("test_trigger_tool_change", {})
            await client.call_tool("test_trigger_resource_update", {})
            heard = []
            async for event in subscription:
                heard.append(type(event).__name__)
                if len(heard) == 2:
                    break
            assert heard == ["ToolsListChanged", "ResourceUpdated"]
            after = {tool.name for tool in (await client.list_tools(cache_mode="bypass")).tools}
            assert before ^ after == {"test_extra_tool"}

    drive(everything.url, "2026-07-28", body)


def test_log_messages_come_only_to_those_who_asked(everything):
    for level, expected in ((None, 0), ("error", 0), ("debug", 3)):
        heard = []

        async def note(params):
            heard.append(params.data)

        async def body(client):
            await client.call_tool("test_tool_with_logging", {})

        drive(everything.url, "2026-07-28", body, logging_callback=note, log_level=level)
        assert len(heard) == expected, (level, heard)


# -- 2026-07-28, raw -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "no/method",
                                    "tasks/list", "tasks/result"])
def test_a_removed_method_is_404(everything, method):
    answer = modern(everything.url, method, {"uri": "test://static-text"} if "resources" in method else {"taskId": "t"}, id="x")
    assert (answer.status_code, answer.json()["error"]["code"], answer.json()["id"]) == (404, -32601, "x")


def test_a_capability_the_client_lacks_is_400(everything):
    answer = modern(everything.url, "tools/call", {"name": "test_missing_capability", "arguments": {}})
    assert answer.status_code == 400 and answer.json()["error"]["code"] == -32021
    assert answer.json()["error"]["data"] == {"requiredCapabilities": {"sampling": {}}}


@pytest.mark.parametrize("header, status", [
    ("eu", 200), ("=?base64?ZXU=?=", 200), ("=?base64?ZXU?=", 400), ("=?base64?Z!U=?=", 400), ("us", 400), (None, 400)])
def test_a_mirrored_argument_must_be_what_the_body_says(everything, header, status):
    headers = {} if header is None else {"Mcp-Param-Region": header}
    answer = modern(everything.url, "tools/call", {"name": "test_x_mcp_header", "arguments": {"region": "eu"}}, headers=headers)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]["code"] == -32020


def test_a_mirrored_number_compares_as_a_number_and_absence_must_match(everything):
    def call(arguments, **headers):
        headers = {"Mcp-Param-" + key: value for key, value in headers.items()}
        return modern(everything.url, "tools/call", {"name": "test_x_mcp_header", "arguments": arguments}, headers=headers).status_code

    assert call({"count": 42}, Count="42.0") == 200
    assert call({"count": 42}, Count="43") == 400
    assert call({}, Count="42") == 400
    assert call({"count": None}) == 200


def test_a_state_is_worth_nothing_for_another_request(everything):
    capabilities = {"elicitation": {}}
    tool = "test_input_required_result_request_state"
    first = modern(everything.url, "tools/call", {"name": tool, "arguments": {}}, capabilities).json()["result"]
    assert first["resultType"] == "input_required" and "ttlMs" not in first
    answers = {"confirm": {"action": "accept", "content": {"ok": True}}}
    state = first["requestState"]

    def retry(name=tool, arguments=None, state=state):
        params = {"name": name, "arguments": arguments or {}, "inputResponses": answers, "requestState": state}
        return modern(everything.url, "tools/call", params, capabilities).json()

    assert "state-ok" in retry()["result"]["content"][0]["text"]
    for answer in (retry(state=state + "-TAMPERED"), retry(state=state[:-4] + "AAAA"), retry(state=""), retry(state=7),
                   retry(name="test_input_required_result_tampered_state"), retry(arguments={"other": 1})):
        assert answer["error"]["code"] == -32602, answer
    messages = {retry(state="nonsense")["error"]["message"], retry(arguments={"other": 1})["error"]["message"]}
    assert len(messages) == 1  # nothing tells a foreign state from an invented one


def test_a_task_lives_from_its_creation_to_its_result(everything):
    created = modern(everything.url, "tools/call", {"name": "slow_compute", "arguments": {"seconds": 0.3, "label": "x"}}, TASKS).json()["result"]
    assert created["resultType"] == "task" and created["status"] == "working" and created["ttlMs"] > 0
    assert not {"task", "result", "error", "inputRequests", "requestState", "ttl", "pollInterval"} & created.keys()
    task = created["taskId"]
    for _ in range(100):
        got = modern(everything.url, "tasks/get", {"taskId": task}, TASKS).json()["result"]
        assert got["resultType"] == "complete" and got["taskId"] == task
        if got["status"] != "working":
            break
        time.sleep(0.05)
    assert got["status"] == "completed" and got["result"]["content"][0]["text"].startswith("Computed x")
    assert modern(everything.url, "tasks/cancel", {"taskId": task}, TASKS).json()["result"]["resultType"] == "complete"
    assert modern(everything.url, "tasks/get", {"taskId": "invented"}, TASKS).json()["error"]["code"] == -32602
    undeclared = modern(everything.url, "tasks/get", {"taskId": task})
    assert undeclared.status_code == 400 and undeclared.json()["error"]["code"] == -32021


def test_a_task_tells_its_states_to_a_listener(everything):
    task = modern(everything.url, "tools/call", {"name": "confirm_delete", "arguments": {"filename": "f"}}, TASKS).json()["result"]["taskId"]
    deadline = time.monotonic() + 10
    while modern(everything.url, "tasks/get", {"taskId": task}, TASKS).json()["result"]["status"] != "input_required":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    params = {"notifications": {"taskIds": [task, "invented"]}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": TASKS}}
    head = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"}
    body = {"jsonrpc": "2.0", "id": 9, "method": "subscriptions/listen", "params": params}
    with httpx.stream("POST", everything.url, json=body, headers=head, timeout=10) as response:
        stream = events(response)
        acknowledged = next(stream)[1]["params"]
        assert acknowledged["notifications"] == {"taskIds": [task]}
        modern(everything.url, "tasks/update", {"taskId": task, "inputResponses": {"confirm": {"action": "accept", "content": {"confirm": True}}}}, TASKS)
        states = []
        while not states or states[-1] != "completed":
            params = next(stream)[1]["params"]
            assert params["taskId"] == task and params["_meta"]["io.modelcontextprotocol/subscriptionId"] == 9
            states.append(params["status"])
        assert params["result"]["content"][0]["text"] == "Deleted f"


# -- the handshake era, raw ----------------------------------------------------------------------------------------------------


def test_a_session_lives_until_it_is_deleted(everything):
    client = Legacy(everything.url)
    assert client.session and all(0x21 <= ord(char) <= 0x7E for char in client.session)
    assert client.post("ping").json()["result"] == {}
    assert client.post("logging/setLevel", {"level": "info"}).json()["result"] == {}
    assert client.end().status_code == 204
    assert client.post("ping").status_code == 404 and client.end().status_code == 404
    with client.get() as answer:
        assert answer.status_code == 404


def test_a_made_up_session_is_unknown_and_none_is_fine(everything):
    client = Legacy(everything.url)
    real, client.session = client.session, client.session[:-3] + "abc"
    assert client.post("ping").status_code == 404
    client.session = None
    assert client.post("ping").json()["result"] == {}
    client.session = real
    assert client.post("ping").status_code == 200


def test_a_session_has_one_stream_of_its_own_and_hears_of_changes(everything):
    client = Legacy(everything.url)
    assert client.post("resources/subscribe", {"uri": "test://watched-resource"}).json()["result"] == {}
    with client.get() as stream:
        assert stream.status_code == 200 and stream.headers["content-type"] == "text/event-stream"
        other = Legacy.__new__(Legacy)
        other.__dict__ = client.__dict__ | {"http": httpx.Client(timeout=10)}
        with other.get() as second:
            assert second.status_code == 409
        other.call("test_trigger_resource_update")
        other.call("test_trigger_tool_change")
        heard = events(stream)
        assert next(heard)[1] == {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "test://watched-resource"}}
        assert next(heard)[1]["method"] == "notifications/tools/list_changed"
        assert other.post("resources/unsubscribe", {"uri": "test://watched-resource"}).json()["result"] == {}
        other.call("test_trigger_resource_update")
        other.call("test_trigger_tool_change")
        assert next(heard)[1]["method"] == "notifications/tools/list_changed"


def test_a_stream_let_go_of_is_resumed_where_it_ended(everything):
    client = Legacy(everything.url)
    message = client.message("tools/call", {"name": "test_reconnection", "arguments": {}})
    with client.http.stream("POST", everything.url, json=message, headers=client.headers()) as response:
        lines = list(response.iter_lines())
    assert lines[0].startswith("id: ") and lines[1].strip() == "data:" and any(line.startswith("retry: ") for line in lines)
    assert not any('"result"' in line for line in lines)
    with client.get(**{"Last-Event-ID": lines[0][4:]}) as stream:
        ident, event = next(events(stream))
        assert event["id"] == message["id"] and "Reconnection test completed" in event["result"]["content"][0]["text"]
    with client.get(**{"Last-Event-ID": lines[0][4:]}) as stream:  # again: nothing was lost by reading
        assert next(events(stream)) == (ident, event)
    with client.get(**{"Last-Event-ID": "99.1"}) as stream:
        assert stream.status_code == 400


def test_a_lost_connection_loses_no_result(everything):
    client = Legacy(everything.url, capabilities={})
    message = client.message("tools/call", {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": "t"}})
    with client.http.stream("POST", everything.url, json=message, headers=client.headers()) as response:
        first, last = None, None
        for ident, event in events(response):
            if event:
                first, last = event, ident
                break
    assert first["params"]["progress"] == 0
    with client.get(**{"Last-Event-ID": last}) as stream:
        rest = [event for _, event in events(stream)]
    assert [event["params"]["progress"] for event in rest[:-1]] == [50, 100] and rest[-1]["id"] == message["id"]


def test_older_revisions_get_no_empty_event(everything):
    client = Legacy(everything.url, version="2025-06-18")
    message = client.message("tools/call", {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": 1}})
    with client.http.stream("POST", everything.url, json=message, headers=client.headers()) as response:
        assert all(event is not None for _, event in events(response))


def test_a_cancelled_call_is_answered_by_nothing(everything):
    client = Legacy(everything.url)
    message = client.message("tools/call", {"name": "slow_compute", "arguments": {"seconds": 30}})

    def cancel():
        time.sleep(0.3)
        note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": message["id"], "reason": "enough"}}
        assert httpx.post(everything.url, json=note, headers=client.headers()).status_code == 202

    thread = threading.Thread(target=cancel)
    thread.start()
    started = time.monotonic()
    answer = client.send(message)
    thread.join()
    assert time.monotonic() - started < 5 and '"result"' not in answer.text


def test_a_declined_question_is_told_to_the_tool(everything):
    client = Legacy(everything.url)
    answer, before = client.call("test_elicitation", {"message": "Who?"}, answer=lambda request: {"action": "decline"})
    assert answer["result"]["content"][0]["text"] == "User response: <action: decline, content: {}>"
    request = before[0]
    assert request["method"] == "elicitation/create" and request["params"]["requestedSchema"]["required"] == ["username", "email"]


def test_a_client_that_cannot_be_asked_is_told_so(everything):
    client = Legacy(everything.url, capabilities={})
    answer, _ = client.call("test_elicitation", {"message": "Who?"})
    assert answer["result"]["isError"] and "elicitation/create" in answer["result"]["content"][0]["text"]


def test_logs_follow_the_level_of_the_session(everything):
    client = Legacy(everything.url)
    assert client.call("test_tool_with_logging")[1] == []
    assert client.post("logging/setLevel", {"level": "debug"}).json()["result"] == {}
    _, before = client.call("test_tool_with_logging")
    assert [event["params"]["data"] for event in before] == ["Tool execution started", "Tool processing data", "Tool execution completed"]
    assert client.post("logging/setLevel", {"level": "loud"}).json()["error"]["code"] == -32602


def test_batches_belong_to_one_revision(everything):
    client = Legacy(everything.url, version="2025-03-26")
    batch = [client.message("ping"), client.message("tools/call", {"name": "test_resource_link", "arguments": {}}),
             {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    answers = client.send(batch).json()
    assert [answer["id"] for answer in answers] == [batch[0]["id"], batch[1]["id"]]
    assert answers[1]["result"]["content"] == [{"type": "text", "text": "static-text: test://static-text"}]
    newer = Legacy(everything.url)
    assert newer.send([newer.message("ping")]).status_code == 400


@pytest.mark.parametrize("headers, status", [
    ({"Host": "evil.example.com", "Origin": "http://evil.example.com"}, 421), ({"Origin": "http://evil.example.com"}, 403),
    ({"Origin": "null"}, 403), ({"Origin": "http://localhost:1"}, 200), ({}, 200)])
def test_a_page_of_another_host_gets_nothing(everything, headers, status):
    assert modern(everything.url, "server/discover", headers=headers).status_code == status


def test_a_bare_get_fails_at_once_for_those_who_look_for_the_old_transport(everything):
    answer = httpx.get(everything.url, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 405 and answer.headers["allow"] == "POST, OPTIONS"
    assert httpx.get(everything.url, headers={"Accept": "text/event-stream", "MCP-Protocol-Version": "2026-07-28"}).status_code == 405
    assert httpx.delete(everything.url).status_code == 400


def test_three_requests_at_once_are_three_answers(everything):
    client = Legacy(everything.url)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        httpx.post(everything.url, json=client.message("tools/list"), headers=client.headers()))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 3 and len({json.loads(answer.text)["id"] for answer in answers}) == 3
