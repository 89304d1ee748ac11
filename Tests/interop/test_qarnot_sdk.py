"""The official Qarnot SDK, unmodified, against `gatehouse simulate qarnot` (contract.md §8, qarnot-api.md §10).

GATEHOUSE_BIN names the binary; QARNOT_SIMULATOR_READY may name the ready file of a simulator that runs already.
"""
import hashlib
import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import qarnot
from botocore.exceptions import ClientError
from qarnot.exceptions import (
    MissingBucketException,
    MissingProfileException,
    MissingTaskException,
    QarnotGenericException,
    SecretConflictException,
    SecretNotFoundException,
    UnauthorizedException,
)
from qarnot.secrets import Secrets

ALICE, BOB = "sim-token-alice", "sim-token-bob"


@contextmanager
def simulating(*options):
    """A simulator of its own on free ports; gives what its ready file says."""
    binary = os.environ.get("GATEHOUSE_BIN", str(Path.cwd() / ".build/debug/gatehouse"))
    with tempfile.TemporaryDirectory(prefix="gh-sim-") as folder:
        path = Path(folder) / "ready.json"
        process = subprocess.Popen(
            [binary, "simulate", "qarnot", "--listen", "127.0.0.1:0", "--storage-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
             "--token", f"{ALICE}=alice@example.com", "--token", f"{BOB}=bob@example.com", "--ready-file", str(path), *options])
        try:
            deadline = time.monotonic() + 30
            while not path.exists():
                assert process.poll() is None and time.monotonic() < deadline, "the simulator did not start"
                time.sleep(0.02)
            yield json.loads(path.read_text())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0


@pytest.fixture(scope="module")
def simulator():
    ready = os.environ.get("QARNOT_SIMULATOR_READY")
    if ready:
        yield json.loads(Path(ready).read_text())
        return
    with simulating() as started:
        yield started


def connect(simulator, token=ALICE):
    return qarnot.connection.Connection(
        cluster_url=simulator["qarnot_url"], client_token=token, storage_url=simulator["storage_url"], retry_count=2, retry_wait=0.05)


@pytest.fixture
def alice(simulator):
    return connect(simulator)


@pytest.fixture
def bob(simulator):
    return connect(simulator, BOB)


@pytest.fixture
def name():
    return "sdk-" + secrets.token_hex(4)


def task(connection, name, command="echo hello", instances=2, **constants):
    made = connection.create_task(name, "docker-batch", instances)
    made.constants["DOCKER_CMD"] = command
    made.constants.update(constants)
    made.tags = [name]
    return made


def until_final(made, seconds=10):
    """Polls every 0.1 s: `Task.wait` naps for ten."""
    end = time.monotonic() + seconds
    while made.state not in ("Success", "Failure", "Cancelled"):
        assert time.monotonic() < end, made.state
        time.sleep(0.1)
        made.update(flushcache=True)
    return made.state


def test_an_unknown_token_is_unauthorized(simulator):
    with pytest.raises(UnauthorizedException):
        connect(simulator, "nobody-knows-this")


def test_a_bearer_scheme_is_unauthorized(simulator):
    request = urllib.request.Request(simulator["qarnot_url"] + "/info", headers={"Authorization": f"Bearer {ALICE}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 401 and json.loads(refused.value.read()) == {"message": "Unauthorized"}


def test_account_and_profiles(alice):
    assert alice.user_info.email == "alice@example.com"
    assert "docker-batch" in alice.profiles_names()
    assert ("DOCKER_TAG", "latest") in alice.retrieve_profile("docker-batch").constants
    with pytest.raises(MissingProfileException):
        alice.retrieve_profile("no-such-profile")


def test_a_whole_session(alice, name, tmp_path):
    source, out = alice.create_bucket(name + "-in"), alice.create_bucket(name + "-out")
    (tmp_path / "data.txt").write_text("input")
    source.add_file(str(tmp_path / "data.txt"), "dir/data.txt")
    made = task(alice, name, "echo hello > out.txt", QARNOT_SECRET__PASSWORD="hunter2")
    made.resources.append(source)
    made.results = out
    made.submit()
    seen = [made.state]
    end = time.monotonic() + 10
    while seen[-1] not in ("Success", "Failure"):
        assert time.monotonic() < end
        time.sleep(0.05)
        made.update(flushcache=True)
        if made.state != seen[-1]:
            seen.append(made.state)
    assert seen[-1] == "Success" and "FullyExecuting" in seen
    assert made.constants["QARNOT_SECRET__PASSWORD"] == "[SECRET]"
    assert made.stdout().startswith("[instance 0] $ echo hello > out.txt\n")
    assert made.stdout(1).startswith("[instance 1] $ echo hello > out.txt\n")
    assert made.stderr() == ""
    assert made.fresh_stdout() == made.stdout() and made.fresh_stdout() == ""
    assert made.status.succeeded_range == "0-1"
    made.download_results(str(tmp_path / "results"))
    assert (tmp_path / "results/out/result-0.txt").read_text() == "result of instance 0\n"
    made.delete()
    with pytest.raises(MissingTaskException):
        alice.retrieve_task(made.uuid)


def test_output_grows_while_it_executes(alice, name):
    made = task(alice, name, "sleep", 1, SIM_DURATION_MS="3000")
    made.submit()
    sizes = []
    end = time.monotonic() + 10
    while len(set(sizes)) < 3:
        assert time.monotonic() < end
        sizes.append(len(made.stdout()))
        time.sleep(0.1)
    assert sizes == sorted(sizes)
    made.abort()


def test_a_failing_task_tells_why(alice, name):
    made = task(alice, name, SIM_OUTCOME="failure", SIM_DURATION_MS="100")
    made.submit()
    assert until_final(made) == "Failure"
    assert made.errors[0].message == "Instance 0 exited with code 1" and made.status.failed_range == "0-1"


def test_abort_and_abort_again(alice, name):
    made = task(alice, name, SIM_DURATION_MS="600000")
    made.submit()
    made.abort()
    assert until_final(made) == "Cancelled"
    with pytest.raises(UnauthorizedException):
        made.abort()


def test_submissions_are_checked(alice, name):
    missing = task(alice, name)
    missing.resources.append(qarnot.bucket.Bucket(alice, name + "-none", create=False))
    with pytest.raises(MissingBucketException):
        missing.submit()
    with pytest.raises(QarnotGenericException, match="Invalid fields: name"):
        task(alice, "").submit()
    with pytest.raises(QarnotGenericException, match="instanceCount"):
        task(alice, name, instances=0).submit()


def test_ranges_tags_and_bulk(alice, name):
    ranged = alice.create_task(name, "docker-batch", "0-2,5")
    ranged.constants.update({"DOCKER_CMD": "sleep", "SIM_DURATION_MS": "600000"})
    ranged.submit()
    ranged.tags = [name, "second"]
    ranged.commit()
    assert alice.retrieve_task(ranged.uuid).tags == [name, "second"]
    ranged.abort()
    many = [task(alice, f"{name}-{i}") for i in range(3)]
    alice.submit_tasks(many)
    assert len({t.uuid for t in many}) == 3


def test_paging_covers_every_task_once(alice, name):
    made = [task(alice, f"{name}-{i}") for i in range(5)]
    for each in made:
        each.tags = [name]
        each.submit()
    assert {t.uuid for t in alice.all_tasks(tags=[name])} == {t.uuid for t in made}
    seen, token = [], None
    while True:
        page = alice.tasks_page(tags=[name], token=token, maximum=2)
        seen += [t.uuid for t in page.page_data]
        if not page.is_truncated:
            break
        token = page.next_token
    assert sorted(seen) == sorted(t.uuid for t in made)


def test_accounts_cannot_see_each_other(alice, bob, name):
    made = task(alice, name)
    made.submit()
    with pytest.raises(MissingTaskException):
        bob.retrieve_task(made.uuid)
    assert made.uuid not in [t.uuid for t in bob.all_tasks()]
    bucket = alice.create_bucket(name)
    bucket.add_string("secret", "key")
    assert name not in [b.uuid for b in bob.buckets()]
    with pytest.raises(Exception):
        bob.s3client.get_object(Bucket=name, Key="key")


def test_buckets_hold_odd_keys_and_large_files(alice, name, tmp_path):
    bucket = alice.create_bucket(name)
    bucket.add_string("odd", "a file+with &odd=chars<>.py")
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(9 << 20))
    bucket.add_file(str(large), "large.bin")
    bucket.copy_file("large.bin", "copy/large.bin")
    assert sorted(f.key for f in bucket.list_files()) == ["a file+with &odd=chars<>.py", "copy/large.bin", "large.bin"]
    bucket.get_file("copy/large.bin", str(tmp_path / "back.bin"))
    assert hashlib.sha256((tmp_path / "back.bin").read_bytes()).digest() == hashlib.sha256(large.read_bytes()).digest()
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/one.txt").write_text("1")
    bucket.sync_directory(str(folder))
    assert [f.key for f in bucket.list_files()] == ["sub/one.txt"]
    url = alice.s3client.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "sub/one.txt"}, ExpiresIn=60)
    assert urllib.request.urlopen(url).read() == b"1"
    bucket.delete_file("sub/one.txt")
    bucket.delete()
    assert name not in [b.uuid for b in alice.buckets()]


def test_a_wrong_storage_secret_is_refused(simulator):
    import boto3
    client = boto3.client("s3", endpoint_url=simulator["storage_url"], aws_access_key_id="alice@example.com", aws_secret_access_key="wrong", region_name="eu")
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        client.list_buckets()


def test_pools_jobs_and_snapshots(alice, name):
    pool = alice.create_pool(name, "docker-batch", 2)
    pool.submit()
    inside = alice.create_task(name, pool, 1)
    inside.constants["DOCKER_CMD"] = "echo pool"
    inside.submit()
    assert until_final(inside) == "Success"
    pool.close()
    pool.delete()
    job = alice.create_job(name, useDependencies=True)
    job.submit()
    first, second = (alice.create_task(f"{name}-{i}", "docker-batch", 1, job=job) for i in (1, 2))
    for each in (first, second):
        each.constants.update({"DOCKER_CMD": "true", "SIM_DURATION_MS": "200"})
    first.submit()
    second.set_task_dependencies_from_uuids([first.uuid])
    second.submit()
    assert {t.uuid for t in job.tasks} == {first.uuid, second.uuid}
    assert until_final(second) == "Success"
    job.terminate()
    job.delete(forceAbort=True)
    long = task(alice, name, SIM_DURATION_MS="600000")
    long.submit()
    assert long.wait_snapshot(long.instant(), timeout=5)
    long.abort()


def test_accounting_hardware_and_secrets(alice, name):
    made = task(alice, name)
    made.submit()
    assert alice.user_info.computing_quotas.user.flex.max_cores == 512
    assert made.carbon_facts().energy_consumption_Wh > 0
    store = Secrets(alice)
    store.create_secret(name, "v1")
    with pytest.raises(SecretConflictException):
        store.create_secret(name, "v1")
    store.update_secret(name, "v2")
    assert store.get_secret(name) == "v2"
    store.delete_secret(name)
    with pytest.raises(SecretNotFoundException):
        store.get_secret(name)


def test_injected_faults_are_survived_by_retries(simulator, alice, name):
    def admin(method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        urllib.request.urlopen(urllib.request.Request(simulator["qarnot_admin_url"] + path, data=data, method=method))
    admin("POST", "/faults", {"path": "/profiles", "status": 503, "count": 1})
    assert "docker-batch" in alice.profiles_names()
    admin("DELETE", "/faults")


def controls(simulator, method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    urllib.request.urlopen(urllib.request.Request(simulator["qarnot_admin_url"] + path, data=data, method=method), timeout=10)


def post(connection, path, body=None):
    """Calls the SDK has no method for (`retry`, `resume`, `recover`, `clone`), over its own session."""
    response = connection._post(path, json=body or {})
    assert response.status_code == 200, response.text
    return response.json()


def test_failed_and_cancelled_tasks_run_again(alice, name):
    failed = task(alice, name, SIM_OUTCOME="failure", SIM_DURATION_MS="100")
    failed.submit()
    assert until_final(failed) == "Failure"
    for verb in ("retry", "recover", "clone"):
        again = alice.retrieve_task(post(alice, f"/tasks/{failed.uuid}/{verb}")["uuid"])
        assert again.uuid != failed.uuid and again.name == failed.name
    stopped = task(alice, name, SIM_DURATION_MS="600000")
    stopped.submit()
    stopped.abort()
    assert until_final(stopped) == "Cancelled"
    assert post(alice, f"/tasks/{stopped.uuid}/resume", {"name": name + "-resumed"})["uuid"] != stopped.uuid


def test_output_on_standard_error_is_followed_too(alice, name):
    made = task(alice, name, SIM_OUTCOME="failure", SIM_DURATION_MS="100")
    made.submit()
    assert until_final(made) == "Failure"
    assert made.stderr() == made.fresh_stderr() != "" and made.fresh_stderr() == ""
    assert made.stderr(1).startswith("[instance 1]") and made.fresh_stderr(1) == made.stderr(1)


def test_a_task_waits_with_the_sdks_own_wait(alice, name):
    made = task(alice, name, SIM_DURATION_MS="100")
    made.submit()
    assert made.wait(timeout=30) and made.state == "Success"


def test_results_come_by_run(alice, name, tmp_path):
    made = task(alice, name, SIM_DURATION_MS="100")
    made.results = alice.create_bucket(name + "-out")
    made.run(str(tmp_path / "out"), results_progress=False)
    assert (tmp_path / "out/out/result-1.txt").read_text() == "result of instance 1\n"


def test_snapshots_bring_results_while_a_task_runs(alice, name, tmp_path):
    made = task(alice, name, SIM_DURATION_MS="600000")
    made.results = alice.create_bucket(name + "-out")
    made.submit()
    end = time.monotonic() + 10
    while made.state != "FullyExecuting":
        assert time.monotonic() < end
        time.sleep(0.05)
        made.update(flushcache=True)
    made.snapshot(60)
    assert made.wait_snapshot(made.instant(), timeout=5)
    made.update(flushcache=True)
    made.download_results(str(tmp_path / "part"))
    assert (tmp_path / "part/out/result-0.txt").read_text() == "partial result of instance 0\n"
    made.update_resources()
    made.abort()


def test_pools_grow_are_changed_and_listed(alice, bob, name):
    pool = alice.create_elastic_pool(name, "docker-batch", minimum_total_slots=1, maximum_total_slots=4)
    pool.tags = [name]
    pool.submit()
    pool.setup_elastic(maximum_total_slots=8)
    pool.tags = [name, "more"]
    pool.commit()
    again = alice.retrieve_pool(pool.uuid)
    assert again.tags == [name, "more"] and again.elastic_maximum_slots == 8
    assert [p.uuid for p in alice.all_pools(tags=[name])] == [pool.uuid]
    assert pool.stdout() == "" and pool.fresh_stderr() == ""
    assert pool.carbon_facts().energy_consumption_Wh > 0
    with pytest.raises(Exception):
        bob.retrieve_pool(pool.uuid)
    assert pool.uuid not in [p.uuid for p in bob.all_pools()]
    pool.update_resources()
    pool.close()
    pool.delete()


def test_jobs_are_listed_and_belong_to_one_account(alice, bob, name):
    job = alice.create_job(name)
    job.tags = [name]
    job.submit()
    assert [j.uuid for j in alice.all_jobs(tags=[name])] == [job.uuid]
    assert job.uuid not in [j.uuid for j in bob.all_jobs()]
    job.update(flushcache=True)
    assert job.state == "Active"
    job.delete()


@pytest.mark.parametrize("operator,value,count", [
    ("Equal", "{0}-1", 1), ("NotEqual", "{0}-1", 3), ("Like", "{0}", 4), ("In", ["{0}-1", "{0}-2"], 2), ("NotIn", ["{0}-1"], 3),
    ("LessThan", "{0}-2", 2), ("LessThanOrEqual", "{0}-2", 3), ("GreaterThan", "{0}-2", 1), ("GreaterThanOrEqual", "{0}-2", 2)])
def test_every_filter_operator(alice, operator, value, count):
    name = "filter-" + secrets.token_hex(4)
    for i in range(4):
        made = task(alice, f"{name}-{i}", instances=1)
        made.tags = [name]
        made.submit()
    value = [v.format(name) for v in value] if isinstance(value, list) else value.format(name)
    own = {"operator": "Equal", "field": "Tags", "value": name}
    leaf = {"operator": operator, "field": "Name", "values" if isinstance(value, list) else "value": value}
    page = post(alice, "/tasks/paginate", {"filter": {"operator": "And", "filters": [own, leaf]}, "maximumResults": 100})
    assert len(page["data"]) == count
    found = post(alice, "/tasks/search", {"filter": {"operator": "And", "filters": [own, leaf]}, "select": {"fields": ["Name"]}})
    assert len(found) == count and all(list(row) == ["name"] for row in found)


def test_hardware_quotas_and_credits(alice):
    assert len(list(alice.all_hardware_constraints())) >= 3
    assert alice.search_cpu_model_constraints("Ryzen")
    assert alice.get_user_computing_quotas().flex.max_cores == 512
    assert alice.credits().amount_in_euros > 0


def test_versions_of_objects(alice, name):
    bucket = alice.create_bucket(name)
    s3 = alice.s3client
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket=name, Key="k", Body=text)["VersionId"] for text in (b"one", b"two")]
    assert s3.get_object(Bucket=name, Key="k", VersionId=ids[0])["Body"].read() == b"one"
    s3.delete_object(Bucket=name, Key="k")
    listed = s3.list_object_versions(Bucket=name)
    assert [v["VersionId"] for v in listed["Versions"]] == ids[::-1] and listed["DeleteMarkers"][0]["IsLatest"]
    bucket.delete()
    assert name not in [b.uuid for b in alice.buckets()]


def test_an_object_goes_up_in_parts_and_an_aborted_upload_leaves_nothing(alice, name):
    bucket = alice.create_bucket(name)
    s3, parts = alice.s3client, [os.urandom(5 << 20), os.urandom(1000)]

    def begin(key):
        upload = s3.create_multipart_upload(Bucket=name, Key=key)["UploadId"]
        tags = [s3.upload_part(Bucket=name, Key=key, UploadId=upload, PartNumber=n, Body=part)["ETag"] for n, part in enumerate(parts, 1)]
        return upload, tags

    upload, tags = begin("whole")
    assert [tag.strip('"') for tag in tags] == [hashlib.md5(part).hexdigest() for part in parts]
    assert [o.key for o in bucket.list_files()] == [], "nothing is there before the last step"
    listed = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    done = s3.complete_multipart_upload(Bucket=name, Key="whole", UploadId=upload, MultipartUpload={"Parts": listed})
    joined = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    assert done["ETag"].strip('"') == f"{joined}-2"
    assert s3.get_object(Bucket=name, Key="whole")["Body"].read() == b"".join(parts)

    upload, tags = begin("aborted")
    s3.abort_multipart_upload(Bucket=name, Key="aborted", UploadId=upload)
    with pytest.raises(ClientError) as refused:
        s3.complete_multipart_upload(Bucket=name, Key="aborted", UploadId=upload, MultipartUpload={"Parts": listed})
    assert refused.value.response["Error"]["Code"] == "NoSuchUpload"
    assert [o.key for o in bucket.list_files()] == ["whole"]
    bucket.delete()


def test_a_simulator_started_with_a_frozen_clock_moves_only_when_told():
    with simulating("--frozen-clock") as frozen:
        made = task(connect(frozen), "frozen")
        made.submit()
        time.sleep(0.5)
        made.update(flushcache=True)
        assert made.state == "Submitted"
        controls(frozen, "POST", "/clock", {"advance_ms": 60000})
        made.update(flushcache=True)
        assert made.state == "Success"


def test_a_frozen_clock_and_revoked_tokens(simulator, name):
    controls(simulator, "POST", "/accounts", {"token": name, "email": f"{name}@example.com"})
    carol = connect(simulator, name)
    controls(simulator, "POST", "/clock", {"frozen": True})
    made = task(carol, name)
    made.submit()
    time.sleep(0.5)
    made.update(flushcache=True)
    assert made.state == "Submitted"
    controls(simulator, "POST", "/clock", {"advance_ms": 60000})
    made.update(flushcache=True)
    assert made.state == "Success"
    controls(simulator, "POST", "/clock", {"frozen": False})
    controls(simulator, "DELETE", "/accounts", {"token": name})
    with pytest.raises(UnauthorizedException):
        made.update(flushcache=True)


def test_delays_and_counts_of_faults(simulator, alice):
    controls(simulator, "POST", "/faults", {"path": "/profiles", "delay_ms": 300})
    start = time.monotonic()
    assert alice.profiles_names() and time.monotonic() - start > 0.3
    controls(simulator, "POST", "/faults", {"path": "/profiles", "drop": True})
    with pytest.raises(Exception):
        alice.profiles_names()
    assert alice.profiles_names()
