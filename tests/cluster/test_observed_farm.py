"""A real farm that is watched: traces at a collector, metrics at Ray's port, its logs; and nothing secret in any.

Its own start (a minute on two idle cores), shared by all cases.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from cluster.local import control
from cluster.local.ray_session import private_dir_of
from cluster.local.settings import LocalFarmSettings
from cluster.metrics.catalogue import METRICS, Kind
from observability.names import EXPORTERS, RAY_WITH_CARDS, names_in
from tests.farm.otlp import Collector, Span, collector
from tests.farm.running import RunningFarm, wait_for
from tests.observability.tools import OBSERVABILITY, alert_rules, recorded

pytestmark = pytest.mark.timeout(900)

TRACED_FRAMES = 4
TARGET_SECRET = secrets.token_hex(16)


@dataclass(frozen=True)
class Watched:
    farm: RunningFarm
    collector: Collector


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    home = Path(tempfile.mkdtemp(prefix="rf-"))
    home.chmod(0o755)
    with collector() as spans, pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAYFARM_TRACING_ENDPOINT", f"http://127.0.0.1:{spans.port}")
        environment.setenv("RAYFARM_TRACING_FRAMES_PER_JOB", str(TRACED_FRAMES))
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        environment.setenv("RAYFARM_LOOPS_MEASURE_EVERY", "PT1S")
        refuses = f"http://127.0.0.1:{spans.port}/hooks/{TARGET_SECRET}?token={TARGET_SECRET}"
        environment.setenv("RAYFARM_LOOPS_EVENT_TARGETS", json.dumps([refuses]))
        try:
            control.up(home, LocalFarmSettings(home=home, num_cpus=1, deploy_timeout=timedelta(minutes=5)))
            yield Watched(RunningFarm(home), spans)
        finally:
            control.down(home)
            shutil.rmtree(home, ignore_errors=True)
            shutil.rmtree(private_dir_of(home), ignore_errors=True)


def traceparent() -> tuple[str, str, str]:
    """(trace id, span id, header) of a caller who keeps his trace."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, f"00-{trace_id}-{span_id}-01"


def submit(farm: RunningFarm, header: str, **spec: Any) -> str:
    model = spec.pop("model", None) or farm.fake_model()
    body = {"model": model, "pipeline": "fake", "reuse": False, "outputs": {"video": None}, **spec}
    return str(farm.call("POST", "/jobs", json=body, headers={"traceparent": header})["id"])


def one(spans: list[Span], name: str) -> Span:
    [found] = [span for span in spans if span.name == name]
    return found


def has_all(watched: Watched, trace_id: str, *names: str, frames: int) -> list[Span] | None:
    spans = watched.collector.of_trace(trace_id)
    seen = [span.name for span in spans]
    return spans if all(name in seen for name in names) and seen.count("frame") == frames else None


def logs_of(farm: RunningFarm) -> list[Path]:
    places = [farm.home / "logs", farm.home / "postgres", Path(farm.record["ray_logs"]).parent]
    found = [path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in found if path.suffix in {".log", ".out", ".err", ".json", ".txt", ".jsonl", ".1"}]


def lines_of(farm: RunningFarm) -> list[dict[str, Any]]:
    """Every line that is one of ours."""
    found = []
    for path in logs_of(farm):
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                try:
                    found.append(json.loads(line))
                except ValueError:
                    continue  # cut by a rotation
    return found


def test_one_trace_leads_from_the_callers_span_to_the_frames_and_the_film(watched: Watched) -> None:
    farm = watched.farm
    trace_id, caller, header = traceparent()
    job_id = submit(farm, header, frames="1-2", outputs={"video": {"preview": "none"}})
    assert farm.ended(job_id)["state"] == "succeeded"
    names = ("POST /v1/jobs", "chunk.hand_out", "chunk.render", "engine.open", "task.video")
    spans: list[Span] = wait_for(lambda: has_all(watched, trace_id, *names, frames=2), "the spans of the job")

    request = one(spans, "POST /v1/jobs")
    assert request.parent_id == caller
    renders = [span for span in spans if span.name == "chunk.render"]
    hand_outs = {span.span_id for span in spans if span.name == "chunk.hand_out"}
    assert {span.parent_id for span in spans if span.name == "chunk.hand_out"} == {request.span_id}
    assert {span.parent_id for span in renders} <= hand_outs
    assert one(spans, "task.video").parent_id == request.span_id

    frames = [span for span in spans if span.name == "frame"]
    assert {span.parent_id for span in frames} <= {span.span_id for span in renders}
    assert sorted(span.attributes["rayfarm.frame"] for span in frames) == [1, 2]
    attempts = farm.rows("select attempt_id::text from frame_result where job_id = %s", job_id)
    assert {span.attributes["rayfarm.attempt.id"] for span in frames} == {row[0] for row in attempts}
    for frame in frames:
        phases = sorted((span for span in spans if span.parent_id == frame.span_id), key=lambda span: span.began_ns)
        assert [span.name for span in phases] == [
            "engine.render", "engine.write", "frame.finish", "frame.upload", "frame.commit",
        ]  # fmt: skip
        assert all(frame.began_ns <= span.began_ns <= span.ended_ns <= frame.ended_ns for span in phases)
    assert {span.attributes["rayfarm.job.id"] for span in [*renders, *frames]} == {job_id}
    services = {span.name: span.service for span in spans}
    assert services["POST /v1/jobs"] == "rayfarm-api"
    assert services["chunk.hand_out"] == "rayfarm-dispatcher"
    assert services["chunk.render"] == services["frame"] == "rayfarm-renderer"
    assert services["task.video"] == "rayfarm-tasks"


def test_the_probe_of_a_model_is_in_the_trace_of_its_registration(watched: Watched) -> None:
    trace_id, _, header = traceparent()
    watched.farm.http.headers["traceparent"] = header
    try:
        other_model(watched.farm)
    finally:
        del watched.farm.http.headers["traceparent"]
    spans = wait_for(lambda: has_all(watched, trace_id, "POST /v1/models", "task.probe", frames=0), "the probe's span")
    assert one(spans, "task.probe").parent_id == one(spans, "POST /v1/models").span_id


def other_model(farm: RunningFarm) -> str:
    content = secrets.token_bytes(16)
    digest = hashlib.sha256(content).hexdigest()
    farm.call("PUT", f"/blobs/{digest}", content=content)
    file = {"path": "scene.fake", "digest": digest, "size_bytes": len(content)}
    manifest = {"kind": "fake", "main": "scene.fake", "files": [file]}
    model = farm.call("POST", "/models", json={"name": "other", "kind": "fake", "manifest": manifest})
    wait_for(lambda: farm.call("GET", f"/models/{model['id']}")["state"] == "ready", "the model")
    return str(model["id"])


def test_a_large_job_has_spans_of_few_of_its_frames(watched: Watched) -> None:
    trace_id, _, header = traceparent()
    job_id = submit(watched.farm, header, frames="1-20")
    assert watched.farm.ended(job_id)["counts"]["committed"] == 20
    spans = wait_for(lambda: has_all(watched, trace_id, "chunk.render", frames=TRACED_FRAMES), "the chosen frames")
    frames = [span.attributes["rayfarm.frame"] for span in spans if span.name == "frame"]
    assert sorted(frames) == [1, 6, 11, 16]


def test_who_does_not_want_a_trace_has_none_and_strangers_make_none(watched: Watched) -> None:
    farm = watched.farm
    unwanted, _, header = traceparent()
    job_id = submit(farm, header[:-1] + "0", frames="1")
    assert farm.ended(job_id)["state"] == "succeeded"
    stranger, _, forged = traceparent()
    for path, answer in (("/v1/jobs", 401), ("/v1/health/ready", 200), ("/v1/nothing", 404)):
        assert httpx.get(farm.url + path, headers={"traceparent": forged}).status_code == answer
    last, _, mine = traceparent()
    farm.call("GET", "/jobs", headers={"traceparent": mine})
    wait_for(lambda: watched.collector.of_trace(last), "a request that came later")
    assert not watched.collector.of_trace(unwanted)
    assert not watched.collector.of_trace(stranger)


def test_lines_of_every_process_carry_the_ids_of_the_request_job_frame_and_trace(watched: Watched) -> None:
    farm = watched.farm
    trace_id, _, header = traceparent()
    settings = {"crash_frames": [{"frame": 2, "times": 1}], "fault_key": secrets.token_hex(8)}
    job_id = submit(farm, header, frames="2", settings=settings, outputs={"video": {"preview": "none"}})
    assert farm.ended(job_id)["state"] == "succeeded"

    def told() -> dict[str, dict[str, Any]] | None:
        mine = {line["event"]: line for line in lines_of(farm) if line.get("job_id") == job_id and "event" in line}
        wanted = {"job submitted", "job_started", "frames_committed", "frame_failed", "engine_output", "task_done"}
        return mine if wanted <= mine.keys() else None

    lines: dict[str, dict[str, Any]] = wait_for(told, "lines of the log")
    assert {line.get("trace_id") for line in lines.values()} == {trace_id}
    assert lines["job submitted"]["request_id"]
    assert lines["frames_committed"]["work_id"]
    [[attempt]] = farm.rows("select id::text from attempt where job_id = %s and outcome <> 'ok'", job_id)
    for event in ("frame_failed", "engine_output"):
        assert (lines[event]["frame"], lines[event]["attempt_id"]) == (2, attempt)
    assert "the fake engine dies now" in lines["engine_output"]["output"]
    assert lines["task_done"]["task"] == "video"
    assert all(line["timestamp"] and line["level"] for line in lines.values())


def test_the_metrics_port_tells_what_the_catalogue_lists_with_few_labels(watched: Watched) -> None:
    farm = watched.farm
    farm.ended(farm.submit(frames="1-3"))
    own = {"le", "Component", "NodeAddress", "SessionName", "Version", "WorkerId", "NodeId", "JobId"}
    silent = {"rayfarm_leases_expired_total", "rayfarm_frame_failures_total", "rayfarm_chunks_lost_total"}
    silent |= {"rayfarm_api_refusals_total"}  # nothing of that kind has happened
    silent |= {"rayfarm_gpu_memory_errors"}  # of cards that count them
    wanted = {metric.name for metric in METRICS} - silent
    farm.call("POST", "/prices", json={"currency": "EUR", "prices": [{"pool": "*", "cpu_second": "0.00002"}]})

    def scrape() -> dict[str, list[dict[str, str]]] | None:
        with urllib.request.urlopen(f"http://127.0.0.1:{farm.record['ports']['metrics']}/metrics", timeout=10) as page:
            text = page.read().decode()
        found: dict[str, list[dict[str, str]]] = {}
        for name, labels in re.findall(r"^ray_(rayfarm_\w+)\{(.*)\} ", text, re.MULTILINE):
            found.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', labels)))
        counted = {name.removesuffix("_count") if name.endswith("_count") else name for name in found}
        return found if wanted <= counted else None

    found: dict[str, list[dict[str, str]]] = wait_for(scrape, "every metric")
    for metric in METRICS:
        for series in found.get(f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.name, []):
            labels = {name for name in series if name not in own and not name.startswith("otel_")}
            assert labels <= set(metric.labels), metric.name
            assert not any(re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", series[name]) for name in labels)
    outcomes = {(series["outcome"], series["start"]) for series in found["rayfarm_frames_total"]}
    assert ("committed", "cold") in outcomes
    assert "measurer" in {series["loop"] for series in found["rayfarm_loop_tick_seconds_count"]}


def test_what_rules_and_dashboards_ask_for_is_served(watched: Watched) -> None:
    farm = watched.farm
    asked = set(chain.from_iterable(names_in(promql) for promql in all_promql()))
    asked -= {name for name in asked if name.startswith("rayfarm:")}  # recorded by Prometheus itself
    elsewhere = EXPORTERS.keys() | RAY_WITH_CARDS.keys()
    silent = {"ray_rayfarm_gpu_memory_errors"}  # of cards that count them
    for frame in (1, 2):  # a try that fails by the farm's fault, and one by its scene's
        fault = "crash_frames" if frame == 1 else "fail_frames"
        settings = {fault: [{"frame": frame, "times": 1}], "fault_key": secrets.token_hex(8)}
        farm.ended(farm.submit(frames=str(frame), settings=settings))
    assert httpx.get(f"{farm.url}/v1/jobs").status_code == 401
    silent |= {"ray_rayfarm_leases_expired_total", "ray_rayfarm_chunks_lost_total", "ray_rayfarm_api_refusals_total"}
    assert asked > silent

    def served() -> set[str] | None:
        with urllib.request.urlopen(f"http://127.0.0.1:{farm.record['ports']['metrics']}/metrics", timeout=10) as page:
            text = page.read().decode()
        names = set(re.findall(r"^(\w+)\{", text, re.MULTILINE))
        return names if asked - elsewhere - silent <= names else None

    wait_for(served, "every metric of rules and dashboards")


def all_promql() -> list[str]:
    dashboards = (OBSERVABILITY / "grafana" / "dashboards").glob("*.json")
    panels = [panel for path in dashboards for panel in json.loads(path.read_text())["panels"]]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [*shown, *recorded().values(), *(rule["expr"] for rule in alert_rules().values())]


def test_every_line_of_the_log_follows_the_schema(watched: Watched) -> None:
    watched.farm.ended(watched.farm.submit(frames="1-2"))
    schema = jsonschema.Draft202012Validator(json.loads((OBSERVABILITY / "logs" / "line.schema.json").read_text()))
    lines = [line for line in lines_of(watched.farm) if "event" in line]
    broken = [(error.message, line) for line in lines for error in schema.iter_errors(line)]
    assert not broken
    assert {"frames_committed", "job_started", "job submitted"} <= {line["event"] for line in lines}


def test_no_secret_of_a_session_is_in_any_log_or_span(watched: Watched) -> None:
    farm = watched.farm
    password, wrong = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    invited = farm.call("POST", "/projects/default/invitations", json={"email": "ada@example.org", "role": "manager"})
    offer = {"token": invited["token"], "password": password, "name": "Ada"}
    session = farm.call("POST", "/auth/accept", json=offer)
    login = {"email": "ada@example.org", "password": password}
    assert httpx.post(f"{farm.url}/v1/auth/login", json={**login, "password": wrong}).status_code == 401
    session_2 = farm.call("POST", "/auth/login", json=login)
    key = farm.call("POST", "/keys", json={"name": "secret", "role": "artist"})["key"]
    bad_key = "rf_abcdefgh_" + secrets.token_urlsafe(32)
    for bearer in (key, bad_key, session["access_token"]):
        httpx.get(f"{farm.url}/v1/jobs", headers={"Authorization": f"Bearer {bearer}"})
        httpx.post(f"{farm.url}/v1/jobs", headers={"Authorization": f"Bearer {bearer}"}, content=b"{")
    job_id = farm.submit(frames="1")
    farm.ended(job_id)
    [artifact] = [each for each in farm.call("GET", f"/jobs/{job_id}/artifacts")["items"] if each["kind"] == "frame"]
    link = artifact["url"]
    assert httpx.get(link).status_code == 200
    address, signature = link.rsplit(".", 1)
    assert httpx.get(f"{address}.{signature[::-1]}").is_client_error

    known = {
        "password": password,
        "wrong password": wrong,
        "key": key.split("_")[2],
        "bad key": bad_key.split("_", 2)[2],
        "admin key": (farm.home / "admin_key").read_text().strip().split("_", 2)[2],
        "invitation": invited["token"],
        "access token": session["access_token"].rsplit(".", 1)[1],
        "second access token": session_2["access_token"].rsplit(".", 1)[1],
        "refresh token": session["refresh_token"],
        "signature of a link": signature,
        "secret of a receiver": TARGET_SECRET,
        "database password": (farm.home / "postgres" / "password").read_text().strip(),
        **{name: (farm.home / name).read_text().strip() for name in ("ray_token", "storage_signing_key", "token_key")},
    }

    def given_up() -> bool:
        return any(line.get("event") == "event_not_taken" for line in lines_of(farm))

    wait_for(given_up, "the receiver that takes nothing")
    texts = {str(path): path.read_text(errors="replace") for path in logs_of(farm)}
    texts["spans"] = "\n".join(str(span) for span in watched.collector.spans())
    assert len(texts) > 10
    found = [(what, place) for what, secret in known.items() for place, text in texts.items() if secret in text]
    assert not found
