"""Whether a million frames cost what a thousand do: ``python -m loadtests.bench_million`` (``make bench-million``).

One database with a job of a thousand frames and one of a million, both half committed by the product's own rows. Each
call of the API is timed on the million (wherever the page lies), each statement of the queue on both, in turn; then a
second million is reused from the first. API and dispatcher are processes of their own, asked over HTTP, whose memory is
read before and after: all pages walked, half a million frames reused by the dispatcher, both millions cancelled.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import httpx
import psutil
from pydantic import SecretStr

from db.cancel import cancel_job
from db.dispatch import apply_plan, lead, pin_job, read_snapshot, resign, reuse_frames
from db.embedded import EmbeddedPostgres
from db.frame_actions import act_on_frames
from db.keys import create_key
from db.migrate import upgrade
from db.queue import claim_chunk, commit_frames, register_replica, start_chunk
from db.session import Database
from db.settings import DatabaseSettings
from db.submit import submit_job
from jobs.access import FarmRole
from jobs.frame_actions import FrameAction
from jobs.ids import new_id
from jobs.planning import Carve, Plan
from jobs.spec import JobSpec
from loadtests.budgets import Figure
from loadtests.cases import OUT
from loadtests.noop.farm import CLUSTER, ensure_model, noop_farm
from loadtests.noop.filling import commits_of, fill_half
from loadtests.noop.processes import memory_bytes, require_alive, running
from loadtests.report import conclude
from serve_app.paging import cursor_of

BENCH = "million"
SMALL, LARGE = 1_000, 1_000_000
SCATTERED = 200_000
ROUNDS = 9
CHUNK = 40
WALKED_PAGES = 100
_KEY = "k" * 64
_SCATTERED = ",".join(str(frame) for frame in range(1, 20_000, 2))
"""Near the longest text that a range may have: 10,000 lone frames."""


def main() -> int:
    """Print each figure and the verdicts; 1 where a goal is missed."""
    OUT.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what it started ends with it
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="million-", dir=OUT, ignore_cleanup_errors=True) as text:
        folder = Path(text)
        folder.chmod(0o755)  # the server runs as another user where the bench runs as root
        server = EmbeddedPostgres(root=folder / "postgres")
        server.start()
        try:
            upgrade(server.url)
            figures = asyncio.run(_measure(server.url, folder))
        finally:
            server.stop()
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


async def _measure(url: str, folder: Path) -> list[Figure]:
    settings = DatabaseSettings(url=SecretStr(url), application_name="bench")
    database = Database(settings)
    try:
        project_id, model_id = await ensure_model(database)
        bench = _Bench(database, project_id, model_id)
        jobs = {total: await bench.start(f"1-{total}") for total in (SMALL, LARGE)}
        for total, job_id in jobs.items():
            seconds = await _timed(lambda job_id=job_id, total=total: fill_half(database, job_id, total))  # type: ignore[misc]
            print(f"half of {total:,} frames filled in {seconds:.1f} s", flush=True)
        figures = _shown(await bench.statements(jobs))
        figures += _shown(await bench.scattered())
        async with _api(url, folder, database) as (http, api):
            figures += _shown(await _pages(http, jobs[LARGE]))
            before = memory_bytes(api)
            figures += _shown(await _walk(http, jobs[LARGE]))
            figures += _shown(await _submits(http, model_id))
            figures += _shown(await bench.reuse(jobs[LARGE]))
            await bench.leave()
            figures += _shown(await _reuse_by_dispatcher(http, url, folder, model_id))
            figures += _shown(await _cancel(http, jobs[LARGE], "half rendered"))
            figures += _shown([_growth("api", before, api)])
    finally:
        await database.close()
    return figures


def _shown(figures: list[Figure]) -> list[Figure]:
    for figure in figures:
        print(f"  {figure.case:34} {figure.name:22} {figure.value:10.2f}", flush=True)
    return figures


class _Bench:
    """What the queue itself is asked."""

    def __init__(self, database: Database, project_id: UUID, model_id: UUID) -> None:
        self._database, self._project_id, self._model_id = database, project_id, model_id
        self._replica = new_id()

    async def start(self, frames: str, *, running: bool = True) -> UUID:
        spec = JobSpec.model_validate(
            {
                "name": frames,
                "model": self._model_id,
                "pipeline": "fake",
                "frames": frames,
                "order": "sequential",
                "outputs": {"video": None, "previews": False},
            }
        )
        async with self._database.transaction() as tx:
            job_id = (await submit_job(tx, project_id=self._project_id, spec=spec)).id
        pin = {"engine_version": "fake 1", "device_class": "cpu", "render_key": _KEY, "epoch": await self._epoch()}
        await pin_job(self._database, job_id=job_id, start=running, **pin)  # type: ignore[arg-type]
        return job_id

    async def statements(self, jobs: dict[int, UUID]) -> list[Figure]:
        """Medians of each step of a chunk's life in both jobs, in turn."""
        replica = {"pool": "default", "node": "n", "serve_id": "s", "labels": {}, "engines": {"fake": "fake 1"}}
        await register_replica(
            self._database, replica_id=self._replica, cluster_id=CLUSTER, device_class="cpu", **replica  # type: ignore[arg-type]
        )  # fmt: skip
        taken: dict[tuple[str, int], list[float]] = {}
        for _ in range(ROUNDS):
            for total, job_id in jobs.items():
                for step, seconds in (await self._chunk(job_id)).items():
                    taken.setdefault((step, total), []).append(seconds)
        middle = {key: median(values) for key, values in taken.items()}
        figures = [
            Figure(case=f"{step}, of {total:,} frames", name="statement_ms", value=seconds * 1000)
            for (step, total), seconds in middle.items()
        ]
        whole = {total: sum(value for (_, of), value in middle.items() if of == total) for total in jobs}
        ratio = whole[LARGE] / whole[SMALL]
        return [*figures, Figure(case="a chunk's whole life", name="over_small_ratio", value=ratio)]

    async def _chunk(self, job_id: UUID) -> dict[str, float]:
        took: dict[str, float] = {}
        begun = time.perf_counter()

        def lap(step: str) -> None:
            nonlocal begun
            took[step], begun = time.perf_counter() - begun, time.perf_counter()

        await read_snapshot(self._database, cluster_id=CLUSTER, replica_timeout=timedelta(minutes=30))
        lap("snapshot")
        wish = Carve(replica_id=self._replica, job_id=job_id, frames=CHUNK)
        await apply_plan(self._database, cluster_id=CLUSTER, plan=Plan(placements=(wish,)), epoch=await self._epoch())
        lap("carve and place")
        chunk = await claim_chunk(
            self._database, replica_id=self._replica, cluster_id=CLUSTER, lease=timedelta(seconds=30)
        )
        assert chunk is not None
        lap("claim")
        assert await start_chunk(self._database, work_id=chunk.work_id, fence=chunk.fence, warm=True)
        lap("start")
        commits = commits_of(chunk)
        begun = time.perf_counter()
        done = await commit_frames(
            self._database, work_id=chunk.work_id, fence=chunk.fence, replica_id=self._replica, frames=commits
        )
        lap(f"commit {CHUNK}")
        assert done is not None
        assert len(done) == CHUNK
        return took

    async def scattered(self) -> list[Figure]:
        """Every second frame that is there is rendered again, on a range of its own each."""
        job_id = await self.start(f"1-{SCATTERED}")
        await fill_half(self._database, job_id, SCATTERED)
        took: dict[str, list[float]] = {}
        begun = time.perf_counter()
        async with self._database.transaction() as tx:
            again = range(0, SCATTERED // 2, 2)
            await act_on_frames(tx, job_id=job_id, action=FrameAction.REQUEUE, ordinals=again)
        asked = time.perf_counter() - begun
        for _ in range(ROUNDS):
            for step, seconds in (await self._chunk(job_id)).items():
                took.setdefault(step, []).append(seconds)
        async with self._database.transaction() as tx:
            await cancel_job(tx, job_id=job_id)  # the figures that follow are those of a farm without it
        case = f"every second of {SCATTERED // 2:,} frames again"
        steps = [
            Figure(case=f"{case}: {step}", name="statement_ms", value=median(seconds) * 1000)
            for step, seconds in took.items()
        ]
        return [Figure(case=case, name="statement_ms", value=asked * 1000), *steps]

    async def reuse(self, source: UUID) -> list[Figure]:
        """The half million that is rendered, taken by a new job of a million, a stretch at a time; then its cancel."""
        job_id = await self.start(f"1-{LARGE}", running=False)
        laps: list[float] = []
        taken, done = 0, False
        while not done:
            begun = time.perf_counter()
            answer = await reuse_frames(self._database, job_id=job_id, epoch=await self._epoch(), limit=10_000)
            laps.append(time.perf_counter() - begun)
            taken, done = taken + answer.taken, answer.done
        full = laps[: max(1, taken // 10_000)]
        tenth = max(1, len(full) // 10)
        growth = median(full[-tenth:]) / median(full[:tenth])

        async with self._database.transaction() as tx:
            await cancel_job(tx, job_id=job_id)
        return [
            Figure(case=f"reuse of {taken:,} frames", name="reuse_s", value=sum(laps)),
            Figure(case="10,000 frames of it, the longest", name="reuse_stretch_ms", value=max(laps) * 1000),
            Figure(case="last tenth over the first", name="reuse_growth_ratio", value=growth),
        ]

    async def leave(self) -> None:
        """Give the lead back, so that a real dispatcher may have it."""
        await resign(self._database, role="dispatcher", cluster_id=CLUSTER, holder=self._model_id)

    async def _epoch(self) -> int:
        epoch = await lead(
            self._database, role="dispatcher", cluster_id=CLUSTER, holder=self._model_id, ttl=timedelta(hours=1)
        )
        assert epoch is not None
        return epoch


async def _pages(http: httpx.AsyncClient, job_id: UUID) -> list[Figure]:
    """Pages of every list, at the start, the middle and the end, with and without a filter."""
    root, half = f"/v1/jobs/{job_id}", LARGE // 2
    places = {"start": 0, "quarter": half // 2, "half": half - 50, "end": LARGE - 120}
    asked: dict[str, tuple[str, dict[str, Any]]] = {"the job": (root, {}), "jobs": ("/v1/jobs", {"limit": 100})}
    for name, ordinal in places.items():
        for state in (None, "committed", "failed", "queued", "rendering"):
            parameters: dict[str, Any] = {"limit": 100, **({"cursor": cursor_of(ordinal - 1)} if ordinal else {})}
            if state:
                parameters["state"] = state
            asked[f"frames {state or 'all'}, {name}"] = (f"{root}/frames", parameters)
    page: dict[str, Any] = (await http.get(f"{root}/artifacts", params={"limit": 200})).raise_for_status().json()
    asked["artifacts, start"] = (f"{root}/artifacts", {"limit": 100})
    asked["artifacts, second page"] = (f"{root}/artifacts", {"limit": 100, "cursor": page["next_cursor"]})
    asked["artifacts, films"] = (f"{root}/artifacts", {"limit": 100, "kind": "video"})
    asked["artifacts, one frame"] = (f"{root}/artifacts", {"limit": 100, "frame": half // 2})
    asked["one frame"] = (f"{root}/frames/{half // 3}", {})
    figures = []
    for name, (path, parameters) in asked.items():
        times = [await _timed(lambda: _get(http, path, parameters)) for _ in range(ROUNDS)]  # noqa: B023
        figures.append(Figure(case=name, name="page_ms", value=median(times) * 1000))
    return figures


async def _submits(http: httpx.AsyncClient, model_id: UUID) -> list[Figure]:
    figures = []
    for name, frames in (("1-1000000", f"1-{LARGE}"), ("10,000 lone frames", _SCATTERED)):
        body = {"model": str(model_id), "pipeline": "fake", "frames": frames, "outputs": {"video": None}}
        times = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            (await http.post("/v1/jobs", json=body)).raise_for_status()
            times.append(time.perf_counter() - begun)
        figures.append(Figure(case=f"submit {name}", name="accepted_ms", value=max(times) * 1000))
    return figures


async def _walk(http: httpx.AsyncClient, job_id: UUID) -> list[Figure]:
    """The first tenth of a million frames, page by page as a client does it."""
    pages = 0
    parameters: dict[str, Any] = {"limit": 1000}
    begun = time.perf_counter()
    while pages < WALKED_PAGES:
        answer = (await http.get(f"/v1/jobs/{job_id}/frames", params=parameters)).raise_for_status().json()
        parameters["cursor"], pages = answer["next_cursor"], pages + 1
    seconds = time.perf_counter() - begun
    return [Figure(case="1,000 frames, by keyset", name="walked_page_ms", value=seconds / pages * 1000)]


async def _reuse_by_dispatcher(http: httpx.AsyncClient, url: str, folder: Path, model_id: UUID) -> list[Figure]:
    """A million of which half is there already, started by the dispatcher itself, then cancelled over HTTP."""
    with noop_farm(database_url=url, replicas=1, folder=folder) as farm:
        small = await _submit(http, model_id, f"1-{SMALL // 10}")
        await _until(http, small, lambda job: job["state"] == "succeeded")
        before = memory_bytes(farm.dispatcher)
        begun = time.perf_counter()
        job_id = await _submit(http, model_id, f"1-{LARGE}")
        await _until(http, job_id, lambda job: job["state"] == "running")
        seconds = time.perf_counter() - begun
        await _until(http, job_id, lambda job: job["counts"]["committed"] > CHUNK)
        return [
            Figure(case="a million, half of it reused", name="until_running_s", value=seconds),
            _growth("dispatcher", before, farm.dispatcher),
            *await _cancel(http, job_id, "half reused, a chunk renders"),
        ]


async def _submit(http: httpx.AsyncClient, model_id: UUID, frames: str) -> UUID:
    outputs = {"video": None, "previews": False}
    body = {"model": str(model_id), "pipeline": "fake", "frames": frames, "outputs": outputs}
    return UUID((await http.post("/v1/jobs", json=body)).raise_for_status().json()["id"])


async def _until(http: httpx.AsyncClient, job_id: UUID, holds: Callable[[dict[str, Any]], bool]) -> None:
    while not holds((await http.get(f"/v1/jobs/{job_id}")).raise_for_status().json()):  # noqa: ASYNC110 - another process changes it
        await asyncio.sleep(0.05)


async def _cancel(http: httpx.AsyncClient, job_id: UUID, case: str) -> list[Figure]:
    begun = time.perf_counter()
    (await http.post(f"/v1/jobs/{job_id}/cancel")).raise_for_status()
    return [Figure(case=f"a million, {case}", name="cancel_ms", value=(time.perf_counter() - begun) * 1000)]


def _growth(case: str, before_bytes: int, process: psutil.Popen) -> Figure:
    print(f"  {case}: {before_bytes / 2**20:.0f} MiB before, {memory_bytes(process) / 2**20:.0f} MiB after", flush=True)
    return Figure(case=case, name="growth_mib", value=(memory_bytes(process) - before_bytes) / 2**20)


async def _get(http: httpx.AsyncClient, path: str, parameters: dict[str, Any]) -> None:
    (await http.get(path, params=parameters)).raise_for_status()


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await call()
    return time.perf_counter() - begun


@asynccontextmanager
async def _api(url: str, folder: Path, database: Database) -> AsyncIterator[tuple[httpx.AsyncClient, psutil.Popen]]:
    """The product's API as a process, and a client with an administrator's key."""
    async with database.transaction() as tx:
        admin = await create_key(tx, project_id=None, name="bench", role=FarmRole.ADMIN)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "RAYFARM_DATABASE_URL": url,
        "RAYFARM_STORAGE_URL": f"file://{folder}/storage",
        "RAYFARM_STORAGE_SIGNING_KEY": secrets.token_hex(32),
    }
    log = folder / "api.log"
    with running("loadtests.noop.api", str(port), log=log, environment=environment) as api:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {admin.key}"},
            timeout=60,
            trust_env=False,
        ) as http:
            while not await _answers(http):
                require_alive([api], log)
                await asyncio.sleep(0.1)
            yield http, api


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/v1/jobs")).is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    sys.exit(main())
