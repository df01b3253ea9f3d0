"""Each answer is timed by what a client may expect of it; what would wait anyway spoils no figure."""

from __future__ import annotations

import hashlib

import pytest

from cluster.metrics.ports import Silent
from tests.serve_app.farm import ApiFarm


class Clock(Silent):
    def __init__(self) -> None:
        self.answers: list[tuple[str, float]] = []

    def answered(self, kind: str, took_s: float) -> None:
        self.answers.append((kind, took_s))


@pytest.fixture
def clock(farm: ApiFarm) -> Clock:
    farm.app.state.meter = Clock()
    return farm.app.state.meter


async def test_reads_writes_uploads_and_waits_are_told_apart(farm: ApiFarm, clock: Clock) -> None:
    content = b"a scene"
    job = await farm.submit()
    clock.answers.clear()
    await farm.http.get("/v1/jobs")
    await farm.http.get("/v1/nothing")
    await farm.http.post(f"/v1/jobs/{job['id']}/pause")
    await farm.http.put(f"/v1/blobs/{hashlib.sha256(content).hexdigest()}", content=content)
    await farm.http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=0"})
    await farm.http.get(f"/v1/models/{job['model']}?wait=1")
    await farm.http.post("/v1/jobs", json={}, headers={"Accept": "image/png"})
    assert [kind for kind, _ in clock.answers] == ["read", "read", "write", "upload", "waits", "waits", "waits"]
    assert all(took_s > 0 for _, took_s in clock.answers)


async def test_a_refusal_is_timed_and_a_probe_is_not(farm: ApiFarm, clock: Clock) -> None:
    assert (await farm.http.get("/v1/jobs", headers={"Authorization": "Bearer nobody"})).status_code == 401
    assert (await farm.http.get("/v1/health/ready")).status_code == 200
    assert [kind for kind, _ in clock.answers] == ["read"]
