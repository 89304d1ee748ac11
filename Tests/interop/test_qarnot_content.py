"""Qarnot's tasks as content to read, with prompts and completion, by the official client's requests."""
import time


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
