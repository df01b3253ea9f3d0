"""A batch driver that is started again, as after the suspension of its RayJob: one render is one job of the farm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster import batch
from tests.clients.scripted_farm import JOB, FarmServer, event, job_view

OVER = {"counts": {"committed": 2}}


@pytest.fixture
def spec(
    blend: Callable[[bytes], bytes], scripted: FarmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Of a scene that the farm has and renders at once."""
    model = {"id": "m", "name": "scene", "state": "ready", "probe": {"frame_start": 1, "frame_end": 2}}
    scripted.answer("POST", "/v1/pipelines/cycles/check", {"settings": {}})
    scripted.answer("POST", "/v1/blobs/lacking", {"lacking": []})
    scripted.answer("POST", "/v1/models", model)
    scripted.answer("GET", "/v1/models/m", model)
    scripted.answer("POST", "/v1/jobs", job_view("queued"), 202)
    scripted.answer("GET", f"/v1/jobs/{JOB}", job_view("succeeded", **OVER))
    ended = event(1, "job.state", state="succeeded")
    scripted.on("GET", f"/v1/jobs/{JOB}/events", lambda request: request.stream(ended))
    monkeypatch.setenv("RAYFARM_URL", scripted.url)
    monkeypatch.delenv("RAYFARM_BATCH_IDENTITY", raising=False)
    (tmp_path / "scene.blend").write_bytes(blend(b""))
    path = tmp_path / "batch.yaml"
    path.write_text("scene: scene.blend\nframes: 1-2\n")
    return path


def keys(scripted: FarmServer) -> list[str]:
    return [headers["Idempotency-Key"] for headers in scripted.requests("POST", "/v1/jobs")]


def test_the_same_render_has_the_same_key_whoever_starts_it(
    spec: Path, scripted: FarmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYFARM_BATCH_IDENTITY", "shot-010")
    for _ in range(2):
        assert batch.main(["render", str(spec)]) == batch.SUCCEEDED
    first, second = keys(scripted)
    assert first == second


@pytest.mark.parametrize("changed", ["identity", "frames", "settings", "job"])
def test_another_render_has_another_key(
    changed: str, spec: Path, scripted: FarmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYFARM_BATCH_IDENTITY", "shot-010")
    assert batch.main(["render", str(spec)]) == batch.SUCCEEDED
    if changed == "identity":
        monkeypatch.setenv("RAYFARM_BATCH_IDENTITY", "shot-020")
    other = {"frames": "frames: 1-1", "settings": "settings: {samples: 2}", "job": "job: {name: other}"}.get(
        changed, ""
    )
    kept = spec.read_text().replace("frames: 1-2", "") if changed == "frames" else spec.read_text()
    spec.write_text(f"{kept}\n{other}\n")
    assert batch.main(["render", str(spec)]) == batch.SUCCEEDED
    first, second = keys(scripted)
    assert first != second


def test_without_an_identity_each_driver_submits_its_own(spec: Path, scripted: FarmServer) -> None:
    for _ in range(2):
        assert batch.main(["render", str(spec)]) == batch.SUCCEEDED
    first, second = keys(scripted)
    assert first != second


@pytest.mark.parametrize("state", ["failed", "canceled"])
def test_a_job_that_ended_without_success_is_not_taken_up_but_rendered_again(
    state: str,
    spec: Path,
    scripted: FarmServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAYFARM_BATCH_IDENTITY", "shot-010")
    earlier = job_view(state, id="0b2f3a52-6c1e-4a0a-9b4e-3c1f7d0f2a11")
    scripted.in_turn(
        "POST",
        "/v1/jobs",
        lambda request: request.json(earlier),
        lambda request: request.json(job_view("queued"), 202),
    )
    assert batch.main(["render", str(spec)]) == batch.SUCCEEDED
    assert len(set(keys(scripted))) == 2
    out = capsys.readouterr().out
    assert f"{earlier['id']}, which an earlier start of this render submitted, is {state}" in out
    assert f"job {JOB}: 2 frames" in out


def test_a_key_of_the_spec_is_kept(spec: Path, scripted: FarmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYFARM_BATCH_IDENTITY", "shot-010")
    spec.write_text(f"{spec.read_text()}job: {{idempotency_key: mine}}\n")
    assert batch.main(["render", str(spec)]) == batch.SUCCEEDED
    assert keys(scripted) == ["mine"]
