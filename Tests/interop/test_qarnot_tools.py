import signal
"""Every Qarnot tool through the gateway with the official MCP client: success, and each error of the mapping table."""
import asyncio
import base64
import urllib.request

import pytest

from gateway import Gateway
from qarnot_client import NO_LIMITS, admin, token, tools


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    running = Gateway(tmp_path_factory.mktemp("tools"), NO_LIMITS).start()
    yield running
    assert running.stop() == 0


def run(gateway, body, user="demo"):
    async def session():
        async with tools(gateway, token(gateway, user)) as client:
            await body(client)
    asyncio.run(session())


TASK = {"name": "t", "profile": "docker-batch", "constants": [{"key": "DOCKER_CMD", "value": "echo hello"}]}
LONG = {**TASK, "constants": [{"key": "SIM_DURATION_MS", "value": "600000"}]}
FAILING = {**TASK, "constants": [{"key": "SIM_OUTCOME", "value": "failure"}, {"key": "SIM_DURATION_MS", "value": "100"}]}


def test_every_tool_succeeds_and_keeps_its_schema(gateway):
    async def session(t):
        await t.ok("whoami")
        assert "docker-batch" in (await t.ok("list_profiles"))["profiles"]
        await t.ok("get_profile", profile_name="docker-batch")

        # storage
        await t.ok("create_bucket", bucket="tools-in")
        await t.ok("write_bucket_file", bucket="tools-in", key="a/b.txt", text="input")
        upload = (await t.ok("write_bucket_file", bucket="tools-in", key="large.bin"))["upload_url"]
        data = bytes(range(256)) * 8192
        urllib.request.urlopen(urllib.request.Request(upload, data=data, method="PUT"), timeout=10)
        read = await t.ok("read_bucket_file", bucket="tools-in", key="large.bin", max_bytes=3000)
        assert base64.b64decode(read["blob"]) == data[:3000] and read["size"] == len(data) and read["truncated"]
        assert urllib.request.urlopen(read["download_url"], timeout=10).read() == data
        assert [f["key"] for f in (await t.ok("list_bucket_files", bucket="tools-in"))["files"]] == ["a/b.txt", "large.bin"]
        assert "tools-in" in [b["name"] for b in (await t.ok("list_buckets"))["buckets"]]
        await t.ok("delete_bucket_file", bucket="tools-in", key="large.bin")

        # one task from submission to deletion
        made = await t.ok("submit_task", **TASK, instance_count=2, result_bucket="tools-out", tags=["tools"],
                          resource_buckets=["tools-in", {"bucket": "tools-in", "prefix": "a/", "strip_prefix": "a/"}],
                          labels={"k": "v"}, hardware={"min_cores": 2}, scheduling="flex", max_retries_per_instance=1)
        uuid = made["uuid"]
        waited = await t.ok("wait_for_task", task_uuid=uuid, timeout_s=30)
        assert waited["state"] == "Success" and not waited["timed_out"]
        assert (await t.ok("get_task", task_uuid=made["shortname"]))["task"]["uuid"] == uuid
        assert "echo hello" in (await t.ok("get_task_logs", task_uuid=uuid, instance_id=1))["text"]
        results = await t.ok("get_task_results", task_uuid=uuid, presign=True)
        assert results["file_count"] == 2 and results["scope"] == "task"
        assert urllib.request.urlopen(results["files"][1]["download_url"], timeout=10).read() == b"result of instance 1\n"
        assert (await t.ok("get_task_cost", task_uuid=uuid))["euros"] > 0
        assert (await t.ok("get_carbon_facts", task_uuid=uuid))["energy_wh"] > 0
        clone = await t.ok("clone_task", task_uuid=uuid, overrides={"instance_count": 1, "name": "cloned"})
        listed = await t.ok("list_tasks", tags=["tools"], limit=1)
        assert listed["tasks"][0]["uuid"] == clone["uuid"] and listed["next_cursor"]
        assert (await t.ok("list_tasks", tags=["tools"], limit=1, cursor=listed["next_cursor"]))["tasks"][0]["uuid"] == uuid
        await t.ok("delete_task", task_uuid=uuid, purge_results=True)

        # a running one
        long = (await t.ok("submit_task", **LONG))["uuid"]
        await t.ok("wait_for_task", task_uuid=long, until="running", timeout_s=30)
        assert (await t.ok("update_task", task_uuid=long, tags=["x"]))["task"]["tags"] == ["x"]
        await t.ok("sync_task_resources", task_uuid=long)
        snapshot = (await t.ok("snapshot_task", task_uuid=long, bucket="tools-snap"))["id"]
        assert (await t.ok("get_snapshot", task_uuid=long, snapshot_id=snapshot))["status"] == "success"
        await t.ok("set_periodic_snapshot", task_uuid=long, interval_s=60)
        await t.ok("abort_task", task_uuid=long, reason="done")
        await t.ok("wait_for_task", task_uuid=long, timeout_s=30)
        await t.ok("resume_task", task_uuid=long)
        broken = (await t.ok("submit_tasks", tasks=[FAILING, {**FAILING, "name": "u"}]))["results"]
        assert [r["status_code"] for r in broken] == [200, 200]
        await t.ok("wait_for_task", task_uuid=broken[0]["uuid"], timeout_s=30)
        await t.ok("retry_task", task_uuid=broken[0]["uuid"])
        await t.ok("recover_task", task_uuid=broken[0]["uuid"])

        # the older names
        job = await t.ok("submit_job", job_name="j", priority=5, job_config={"docker_image": "library/python:3.12", "command": "sleep 600",
                                                                            "environment": {"SIM_DURATION_MS": 600000}})
        assert job["warnings"] == ["priority is not supported by Qarnot"]
        assert (await t.ok("get_job_status", job_id=job["job_id"]))["qarnot_state"]
        assert (await t.ok("cancel_job", job_id=job["job_id"]))["status"] == "cancelled"
        assert (await t.ok("list_jobs", limit=2))["total_count"] >= 2

        # pools and groups
        pool = (await t.ok("create_pool", name="p", profile="docker-batch", elastic={"max_slots": 2}))["uuid"]
        assert pool in [p["uuid"] for p in (await t.ok("list_pools"))["pools"]]
        await t.ok("get_pool", pool_uuid=pool)
        await t.ok("get_pool_logs", pool_uuid=pool)
        await t.ok("update_pool", pool_uuid=pool, tags=["p"])
        group = (await t.ok("create_job_group", name="g", pool_uuid=pool))["uuid"]
        await t.ok("submit_task", name="in-group", job_group_uuid=group)
        assert len((await t.ok("get_job_group", job_group_uuid=group))["tasks"]) == 1
        assert group in [g["uuid"] for g in (await t.ok("list_job_groups"))["job_groups"]]
        await t.ok("terminate_job_group", job_group_uuid=group)
        await t.ok("delete_job_group", job_group_uuid=group, force=True)
        await t.ok("close_pool", pool_uuid=pool)
        await t.ok("delete_pool", pool_uuid=pool)

        # account, hardware, secrets
        assert (await t.ok("get_account"))["email"] == "demo@example.com"
        assert (await t.ok("list_budgets"))["budgets"][0]["remaining_euros"] == 87.5
        await t.ok("list_hardware")
        await t.ok("search_cpu_models", cpu_model="Ryzen")
        await t.ok("set_secret", key="tools/key", value="hunter2-hunter2")
        assert (await t.ok("list_secrets", prefix="tools"))["keys"] == ["tools/key"]
        await t.ok("delete_secret", key="tools/key")
        await t.ok("delete_bucket", bucket="tools-in", confirm_name="tools-in")
        assert t.called == set(t.listed), set(t.listed) - t.called

    run(gateway, session)


ANY, ID = None, "00000000-0000-4000-8000-000000000000"

#: Tool, arguments, and the method of the request that is made to fail. {task} {pool} {group} are filled in.
CALLS = [
    ("submit_task", TASK, "POST"), ("submit_job", {"job_name": "j", "job_config": {"command": "true"}}, "POST"),
    ("submit_tasks", {"tasks": [TASK]}, "POST"), ("list_tasks", {}, ANY), ("list_jobs", {}, ANY), ("get_task", {"task_uuid": "{task}"}, ANY),
    ("get_job_status", {"job_id": "{task}"}, ANY), ("wait_for_task", {"task_uuid": "{task}"}, ANY), ("get_task_logs", {"task_uuid": "{task}"}, ANY),
    ("get_task_results", {"task_uuid": "{task}"}, ANY), ("abort_task", {"task_uuid": "{task}"}, "POST"), ("cancel_job", {"job_id": "{task}"}, "POST"),
    ("delete_task", {"task_uuid": "{task}"}, "DELETE"), ("update_task", {"task_uuid": "{task}", "tags": ["x"]}, "PUT"),
    ("sync_task_resources", {"task_uuid": "{task}"}, "PATCH"), ("snapshot_task", {"task_uuid": "{task}"}, "POST"),
    ("set_periodic_snapshot", {"task_uuid": "{task}", "interval_s": 60}, "POST"), ("get_snapshot", {"task_uuid": "{task}", "snapshot_id": "s"}, ANY),
    ("retry_task", {"task_uuid": "{task}"}, "POST"), ("resume_task", {"task_uuid": "{task}"}, "POST"),
    ("recover_task", {"task_uuid": "{task}"}, "POST"), ("clone_task", {"task_uuid": "{task}"}, "POST"), ("list_profiles", {}, ANY),
    ("get_profile", {"profile_name": "docker-batch"}, ANY), ("list_pools", {}, ANY), ("get_pool", {"pool_uuid": "{pool}"}, ANY),
    ("get_pool_logs", {"pool_uuid": "{pool}"}, ANY), ("create_pool", {"name": "p", "profile": "docker-batch", "instance_count": 1}, "POST"),
    ("update_pool", {"pool_uuid": "{pool}", "tags": ["x"]}, "PUT"), ("close_pool", {"pool_uuid": "{pool}"}, "POST"),
    ("delete_pool", {"pool_uuid": "{pool}"}, "DELETE"), ("list_job_groups", {}, ANY), ("get_job_group", {"job_group_uuid": "{group}"}, ANY),
    ("create_job_group", {"name": "g"}, "POST"), ("terminate_job_group", {"job_group_uuid": "{group}"}, "POST"),
    ("delete_job_group", {"job_group_uuid": "{group}", "force": True}, "DELETE"), ("list_buckets", {}, ANY),
    ("list_bucket_files", {"bucket": "faults"}, ANY), ("read_bucket_file", {"bucket": "faults", "key": "k"}, ANY),
    ("create_bucket", {"bucket": "faults"}, ANY), ("write_bucket_file", {"bucket": "faults", "key": "k", "text": "x"}, ANY),
    ("delete_bucket_file", {"bucket": "faults", "key": "k"}, ANY), ("delete_bucket", {"bucket": "faults", "confirm_name": "faults"}, ANY),
    ("get_account", {}, ANY), ("get_task_cost", {"task_uuid": "{task}"}, ANY), ("get_carbon_facts", {"task_uuid": "{task}"}, ANY),
    ("list_budgets", {}, ANY), ("list_hardware", {}, ANY), ("search_cpu_models", {"cpu_model": "x"}, ANY), ("list_secrets", {}, ANY),
    ("set_secret", {"key": "k", "value": "v"}, "PUT"), ("delete_secret", {"key": "k"}, "DELETE"),
]
ENDING = {"abort_task", "cancel_job", "close_pool", "terminate_job_group"}

#: Status and message of the fault; code and whether the call may be tried again.
MAPPING = [
    (401, "Unauthorized", "qarnot_token_rejected", False), (402, "Not enough credits", "insufficient_credits", False),
    (402, "The hardware constraint is not allowed", "hardware_not_allowed", False),
    (403, "Maximum number of tasks reached", "quota_reached", False), (403, "No", "forbidden", False), (404, "No such thing", "not_found", False),
    (400, "Invalid task file. Invalid fields: name, tags", "invalid_request", False), (429, "Slow down", "qarnot_busy", True),
    (503, "Busy", "qarnot_busy", True), (500, "Oops", "qarnot_error", True),
]


@pytest.mark.parametrize("status,message,code,retryable", MAPPING, ids=[f"{m[0]}-{m[2]}" for m in MAPPING])
def test_each_error_of_the_table_is_mapped_for_every_tool(gateway, status, message, code, retryable):
    async def session(t):
        names = {"{task}": (await t.ok("submit_task", **LONG))["uuid"], "{group}": (await t.ok("create_job_group", name="g"))["uuid"],
                 "{pool}": (await t.ok("create_pool", name="p", profile="docker-batch", instance_count=1))["uuid"]}
        assert {call[0] for call in CALLS} | {"whoami"} == set(t.listed)
        for tool, arguments, method in CALLS:
            filled = {k: names.get(v, v) if isinstance(v, str) else v for k, v in arguments.items()}
            fault = {"path": "/", "status": status, "message": message, "count": 50, "retry_after": 60}
            admin(gateway, "POST", "/faults", {**fault, "method": method} if method else fault)
            failure = await t.fail(tool, **filled)
            admin(gateway, "DELETE", "/faults")
            expected = "not_running" if code == "forbidden" and tool in ENDING else code
            assert (failure["code"], failure["retryable"], failure["qarnot_status"]) == (expected, retryable, status), (tool, failure)
            if status == 400:
                assert failure["fields"] == ["name", "tags"], tool
        await t.ok("close_pool", pool_uuid=names["{pool}"])
        for kind, name, argument in (("task", "{task}", "task_uuid"), ("pool", "{pool}", "pool_uuid"), ("job_group", "{group}", "job_group_uuid")):
            await t.ok(f"delete_{kind}", **{argument: names[name]})

    run(gateway, session)


@pytest.mark.parametrize("status,code,retryable", [(403, "storage_refused", False), (404, "not_found", False), (503, "storage_unavailable", True)])
def test_storage_errors_are_mapped_for_every_storage_tool(gateway, status, code, retryable):
    async def session(t):
        for tool, arguments, _ in CALLS:
            if "bucket" not in tool:
                continue
            admin(gateway, "POST", "/faults", {"service": "storage", "path": "/", "status": status, "count": 50})
            failure = await t.fail(tool, **arguments)
            admin(gateway, "DELETE", "/faults")
            assert (failure["code"], failure["retryable"]) == (code, retryable), (tool, failure)

    run(gateway, session)


def test_a_dropped_submission_is_looked_up(gateway):
    async def session(t):
        before = admin(gateway, "GET", "/requests")["count"]
        admin(gateway, "POST", "/faults", {"path": "/tasks", "method": "POST", "drop": True, "after": True})
        made = await t.ok("submit_task", **TASK)
        sent = [(r["method"], r["path"]) for r in admin(gateway, "GET", f"/requests?after={before}")["requests"]]
        assert sent.count(("POST", "/tasks")) == 1 and ("GET", "/tasks/" + made["shortname"]) in sent

    run(gateway, session)


def test_a_rejected_key_is_marked_until_it_works_again(gateway):
    async def session(t):
        admin(gateway, "POST", "/faults", {"path": "/", "status": 401})
        failure = await t.fail("list_profiles")
        assert failure["code"] == "qarnot_token_rejected" and "account page" in failure["message"]
        assert (await t.ok("whoami"))["key"] == "rejected"
        await t.ok("list_profiles")
        assert (await t.ok("whoami"))["key"] == "present"

    run(gateway, session)


def test_a_wait_reports_rising_progress_and_ends_when_cancelled(gateway):
    seen = []

    async def session(t):
        uuid = (await t.ok("submit_task", **{**TASK, "constants": [{"key": "SIM_DURATION_MS", "value": "4000"}]}))["uuid"]

        async def note(value, total, message):
            seen.append(value)

        result = await t.client.call_tool("wait_for_task", {"task_uuid": uuid, "timeout_s": 30}, progress_callback=note)
        assert result.structured_content["state"] == "Success"

    run(gateway, session)
    assert len(seen) > 2 and seen == sorted(set(seen)) and seen[-1] == 100


def test_keys_are_checked_before_they_are_stored(gateway):
    user = gateway.add_user("checked")
    wrong = gateway.command("key", "set", user["username"], "qarnot", "--stdin", input="no-such-key\n")
    assert wrong.returncode == 1 and "rejects" in wrong.stderr
    assert gateway.command("key", "test", user["username"], "qarnot").returncode == 1
    right = gateway.command("key", "set", user["username"], "qarnot", "--stdin", "--json", input=gateway.user["qarnot_key"] + "\n")
    assert right.returncode == 0 and "demo@example.com" in right.stdout
    good = gateway.command("key", "test", user["username"], "qarnot", "--json")
    assert good.returncode == 0 and '"accepted"' in good.stdout
    admin(gateway, "POST", "/faults", {"path": "/info", "status": 503})
    assert gateway.command("key", "test", user["username"], "qarnot").returncode == 69
    admin(gateway, "POST", "/faults", {"path": "/info", "status": 401})
    assert gateway.command("key", "test", user["username"], "qarnot").returncode == 1
    assert '"rejected"' in gateway.command("key", "list", user["username"], "--json").stdout


def test_a_budget_refuses_names_its_rule_and_is_audited(tmp_path):
    overlay = NO_LIMITS + "engines:\n  qarnot:\n    budgets: { users: { demo: { max_instances: 2, pools: off } } }\n"
    gateway = Gateway(tmp_path, overlay).start()

    async def session(t):
        failure = await t.fail("submit_task", **TASK, instance_count=3)
        assert (failure["code"], failure["rule"]) == ("budget_exceeded", "budget.max_instances")
        failure = await t.fail("create_pool", name="p", profile="docker-batch", instance_count=1)
        assert failure["rule"] == "budget.pools"
        await t.ok("submit_task", **TASK, instance_count=2)

    run(gateway, session)
    rules = [record["policy"] for record in gateway.records("--event", "mcp.tool.denied")]
    assert rules == ["budget.max_instances", "budget.pools"]
    assert gateway.stop() == 0


def test_what_a_deleted_task_cost_outlives_a_kill(tmp_path):
    overlay = NO_LIMITS + "engines:\n  qarnot:\n    budgets: { users: { demo: { euros_per_day: 0.07 } } }\n"
    gateway = Gateway(tmp_path, overlay).start()  # three tasks of the demo have cost 0.06

    async def spend(t):
        uuid = (await t.ok("submit_task", **TASK, instance_count=1))["uuid"]
        await t.ok("delete_task", task_uuid=uuid)

    async def refused(t):
        failure = await t.fail("submit_task", **TASK, instance_count=1)
        assert (failure["code"], failure["rule"]) == ("budget_exceeded", "budget.euros_per_day")

    run(gateway, spend)
    gateway.stop(signal.SIGKILL)
    gateway.start()  # its simulator begins anew with those three: only the gateway can tell what was spent
    run(gateway, refused)
    assert gateway.stop() == 0
