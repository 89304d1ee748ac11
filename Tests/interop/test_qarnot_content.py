"""Qarnot's tasks as content to read, with prompts and completion, by the official client's requests."""
import asyncio
import time

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from gateway import Gateway


def result(answer):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "result" in body, body
    return body["result"]


def test_output_of_a_task_is_read_completed_and_explained(gateway):
    token = gateway.grant()["access_token"]
    submitted = result(gateway.call(token, "submit_task", {
        "name": "content", "profile": "docker-batch", "instance_count": 1,
        "constants": [{"key": "DOCKER_CMD", "value": "echo hello"}]}))
    assert not submitted.get("isError"), submitted
    uuid = submitted["structuredContent"]["uuid"]
    templates = result(gateway.rpc(token, "resources/templates/list"))["resourceTemplates"]
    assert "qarnot://tasks/{uuid}/stdout" in [t["uriTemplate"] for t in templates]
    for _ in range(100):
        uri = f"qarnot://tasks/{uuid}/stdout"
        text = result(gateway.rpc(token, "resources/read", {"uri": uri}, headers={"Mcp-Name": uri}))["contents"][0]["text"]
        if "[instance 0] $ echo hello" in text:
            break
        time.sleep(0.1)
    else:
        raise AssertionError(text)
    completion = result(gateway.rpc(token, "completion/complete", {
        "ref": {"type": "ref/resource", "uri": "qarnot://tasks/{uuid}/stdout"}, "argument": {"name": "uuid", "value": uuid[:8]}}))
    assert uuid in completion["completion"]["values"]
    prompts = result(gateway.rpc(token, "prompts/list"))["prompts"]
    assert {"run_docker_batch", "diagnose_failed_task", "compare_costs"} == {p["name"] for p in prompts}
    told = result(gateway.rpc(token, "prompts/get", {"name": "diagnose_failed_task", "arguments": {"task_uuid": uuid}}))
    assert uuid in told["messages"][0]["content"]["text"]


def test_another_user_reads_nothing_of_it(gateway):
    token = gateway.grant()["access_token"]
    submitted = result(gateway.call(token, "submit_task", {
        "name": "mine", "profile": "docker-batch", "instance_count": 1,
        "constants": [{"key": "DOCKER_CMD", "value": "echo secret"}]}))
    uri = f"qarnot://tasks/{submitted['structuredContent']['uuid']}/stdout"
    other = gateway.grant(gateway.add_user("outsider"))["access_token"]
    answer = gateway.rpc(other, "resources/read", {"uri": uri}, headers={"Mcp-Name": uri})
    assert "error" in answer.json() and "secret" not in answer.text


def everything_listed(gateway, token):
    """All pages, as the official client walks them, in the modern and in the older era."""
    async def walk(mode):
        async with httpx2.AsyncClient(verify=gateway.tls(), headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
            async with Client(streamable_http_client(gateway.mcp_url, http_client=http), mode=mode) as client:
                pages, cursor = [], None
                while True:
                    page = await client.list_resources(cursor=cursor)
                    pages.append([str(one.uri) for one in page.resources])
                    cursor = page.next_cursor
                    if cursor is None:
                        return pages
    modern, legacy = asyncio.run(walk("auto")), asyncio.run(walk("legacy"))
    assert modern == legacy
    return modern


def test_a_persons_own_tasks_are_listed_page_by_page_and_nobody_elses(folder):
    gateway = Gateway(folder, "limits: { user: off, tool: { default: off, qarnot/submit_task: off } }").start()
    token = gateway.grant()["access_token"]
    before = sum(everything_listed(gateway, token), [])
    made = set()
    for number in range(23):
        submitted = result(gateway.call(token, "submit_task", {
            "name": f"listed{number}", "profile": "docker-batch", "instance_count": 1,
            "constants": [{"key": "DOCKER_CMD", "value": "true"}]}))
        made.add(submitted["structuredContent"]["uuid"])
    pages = everything_listed(gateway, token)
    listed = sum(pages, [])
    assert len(pages) >= 2 and len(listed) == len(set(listed)) == len(before) + 4 * 23
    assert {f"qarnot://tasks/{uuid}" for uuid in made} <= set(listed)
    for uri in listed[:4]:
        assert result(gateway.rpc(token, "resources/read", {"uri": uri}, headers={"Mcp-Name": uri}))["contents"]
    first = result(gateway.rpc(token, "resources/list"))
    other = gateway.grant(gateway.add_user("newcomer"))["access_token"]
    assert everything_listed(gateway, other) == [[]], "without a key there is nothing to list, and that is no error"
    stolen = gateway.rpc(other, "resources/list", {"cursor": first["nextCursor"]}).json()
    assert stolen["error"]["code"] == -32602
    assert gateway.rpc(token, "resources/list", {"cursor": "nonsense"}).json()["error"]["code"] == -32602
    records = [r for r in gateway.records("--user", "demo") if r.get("tool") == "resources/list"]
    assert records and all(r["outcome"] == "success" for r in records)
    assert gateway.stop() == 0
