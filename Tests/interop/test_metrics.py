"""/metrics read by Prometheus' own parser, /ready with reasons (contract §3)."""
import json
import time

import httpx
from prometheus_client.parser import text_string_to_metric_families

from gateway import ROOT, Gateway


def scrape(gateway) -> dict:
    answer = httpx.get(gateway.ready["admin_url"] + "/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {f.name: f for f in text_string_to_metric_families(answer.text)}
    assert len(families) == answer.text.count("# TYPE "), "every family is told once"
    return families


def value(families, sample, **labels) -> float:
    return sum(s.value for f in families.values() for s in f.samples
               if s.name == sample and labels.items() <= s.labels.items())


def test_what_happened_is_counted(gateway):
    before = scrape(gateway)
    tokens = gateway.grant()
    for _ in range(5):
        assert gateway.call(tokens["access_token"], "whoami").status_code == 200
    assert gateway.refresh(tokens).status_code == 200
    assert gateway.refresh({**tokens, "refresh_token": "gthr_nonsense"}).status_code == 400
    assert gateway.rpc("nonsense", "tools/list").status_code == 401
    after = scrape(gateway)

    def grown(sample, **labels):
        return value(after, sample, **labels) - value(before, sample, **labels)

    assert grown("gatehouse_requests_total", route="/mcp", outcome="success") == 5
    assert grown("gatehouse_requests_total", route="/mcp", outcome="denied") == 1
    assert grown("gatehouse_tokens_issued_total", grant="authorization_code") == 1
    assert grown("gatehouse_tokens_issued_total", grant="refresh_token") == 1
    assert grown("gatehouse_tokens_refused_total", outcome="invalid") == 1
    assert grown("gatehouse_events_total", event="mcp.tool.called", outcome="success") == 5
    assert grown("gatehouse_sqlite_commits_total") > 0 and grown("gatehouse_loop_turns_total") > 0
    assert grown("gatehouse_request_duration_seconds_count", route="/mcp") == 6


def test_histograms_are_cumulative_and_agree_with_their_count(gateway):
    gateway.grant()
    families = scrape(gateway)
    series = {}
    for sample in families["gatehouse_request_duration_seconds"].samples:
        key = (sample.labels["route"], sample.labels["outcome"])
        if sample.name.endswith("_bucket"):
            series.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
    assert len(series) > 4
    for (route, outcome), buckets in series.items():
        assert buckets == sorted(buckets) and [b[1] for b in buckets] == sorted(b[1] for b in buckets)
        assert buckets[-1][1] == value(families, "gatehouse_request_duration_seconds_count", route=route, outcome=outcome)
        assert value(families, "gatehouse_requests_total", route=route, outcome=outcome) == buckets[-1][1]


def test_labels_are_few_whatever_strangers_ask_for(gateway):
    with gateway.http() as http:
        for index in range(50):
            http.get(f"{gateway.issuer}/stranger/{index}?q={index}")
            http.post(f"{gateway.issuer}/mcp/none-{index}", json={})
    text = httpx.get(gateway.ready["admin_url"] + "/metrics").text
    assert "stranger" not in text and "none-" not in text
    assert text.count("\n") < 1500 and value(scrape(gateway), "gatehouse_requests_total", route="other") >= 50


def test_no_secret_and_no_name_of_a_person_is_told(gateway):
    tokens = gateway.grant()
    text = httpx.get(gateway.ready["admin_url"] + "/metrics").text
    for secret in (tokens["access_token"], gateway.user["password"], gateway.user["qarnot_key"], "demo"):
        assert secret not in text


def test_the_dashboard_asks_for_metrics_that_exist(gateway):
    names = {s.name for f in scrape(gateway).values() for s in f.samples} | {"gatehouse_upstream_state"}
    dashboard = json.loads((ROOT / "deploy/grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(queries) > 12
    import re
    for query in queries:
        for name in re.findall(r"\b(?:gatehouse|process)_[a-z_]+", query):
            assert name in names, query


def test_limits_are_counted_and_dry_run_only_counts(folder):
    limits = "limits: { dry_run: %s, user: { rate: 1, window: 1h, burst: 2 } }\n"
    for mode, status in (("false", 429), ("true", 200)):
        gateway = Gateway(folder / mode, limits % mode).start()
        token = gateway.grant()["access_token"]
        assert [gateway.call(token, "whoami").status_code for _ in range(4)] == [200, 200, status, status]
        families = scrape(gateway)
        enforced = value(families, "gatehouse_limits_exceeded_total", policy="user", mode="enforced")
        dry = value(families, "gatehouse_limits_exceeded_total", policy="user", mode="dry_run")
        assert (enforced, dry) == ((2, 0) if status == 429 else (0, 2))
        gateway.stop()


def test_readiness_tells_why_not(folder):
    gateway = Gateway(folder, "server: { drain: { delay: 3s } }\n").start()
    url = gateway.ready["admin_url"]
    assert httpx.get(url + "/ready").json() == {"status": "ready", "reasons": []}
    assert value(scrape(gateway), "gatehouse_ready") == 1
    gateway.process.terminate()
    deadline = time.monotonic() + 10
    while (answer := httpx.get(url + "/ready")).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert answer.status_code == 503 and answer.json()["reasons"] == ["draining"]
    assert gateway.process.wait(20) == 0
