"""How the web app feels on a job of ten thousand frames: ``python -m loadtests.bench_web`` (``make bench-web``).

The API as a process over a real PostgreSQL, Chromium in front of it. Of the job page: script that the first load takes,
time until it can be used, the longest task of the main thread while the frames are scrolled through (from a trace), and
the time from a commit in the database to the page that shows it.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from pydantic import SecretStr

from db.bootstrap import ensure_project
from db.dispatch import apply_plan, lead, pin_job
from db.embedded import EmbeddedPostgres
from db.keys import create_key
from db.migrate import upgrade
from db.queue import claim_chunk, commit_frames, register_replica, start_chunk
from db.session import Database
from db.settings import DatabaseSettings
from db.submit import submit_job
from jobs.access import FarmRole
from jobs.planning import Carve, Plan
from jobs.spec import JobSpec
from loadtests.budgets import Figure
from loadtests.cases import OUT
from loadtests.chromium import CHROMIUM, FLAGS, require_chromium
from loadtests.noop.farm import CLUSTER, ensure_model
from loadtests.noop.filling import commits_of, fill_half
from loadtests.report import conclude
from loadtests.servers import serving
from loadtests.web_scripts import EXPORT, LOADED, script_sizes

BENCH = "web"
FRAMES = 10_000
LOADS = 5
COMMITS = 9
STEPS = 60
"""Turns of the wheel from the first frame to the last."""
_KEY = "k" * 64
_WATCH = """
window.longTasks = [];
new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((each) => each.startTime + each.duration)))
  .observe({ type: "longtask", buffered: true });
new MutationObserver((_, watch) => {
  if (document.querySelector("[role=grid]") === null) return;
  window.gridAt = performance.now();
  watch.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
_QUIET_MS = 1500
_TRACED = ["disabled-by-default-devtools.timeline", "toplevel", "__metadata"]


def main() -> int:
    """Print each figure and the verdicts; 1 where a goal is missed."""
    require_chromium()
    if not (EXPORT / "index.html").is_file():
        print("The web app is not built. Run: make web", file=sys.stderr)
        return 2
    OUT.mkdir(parents=True, exist_ok=True)
    at, begun, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="web-", dir=OUT, ignore_cleanup_errors=True) as text:
        folder = Path(text)
        folder.chmod(0o755)  # the server runs as another user where the bench runs as root
        server = EmbeddedPostgres(root=folder / "postgres")
        server.start()
        try:
            upgrade(server.url)
            figures = asyncio.run(_measure(server.url, folder))
        finally:
            server.stop()
    for figure in figures:
        print(f"  {figure.case:34} {figure.name:22} {figure.value:10.2f}")
    return conclude(BENCH, figures, at=at, begun=begun, load=load)


async def _measure(url: str, folder: Path) -> list[Figure]:
    database = Database(DatabaseSettings(url=SecretStr(url), application_name="bench"))
    environment = {
        "RAYFARM_DATABASE_URL": url,
        "RAYFARM_STORAGE_URL": (folder / "storage").as_uri(),
        "RAYFARM_STORAGE_SIGNING_KEY": secrets.token_hex(32),
        "RAYFARM_API_REPLICA_TIMEOUT": "P1D",
    }
    try:
        job = await _LargeJob.submit(database)
        with serving(
            "loadtests.noop.api", path="/v1/health/ready", log=folder / "api.log", environment=environment
        ) as api:
            async with async_playwright() as driver:
                browser = await driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                try:
                    return await _look(browser, api, job)
                finally:
                    await browser.close()
    finally:
        await database.close()


async def _look(browser: Browser, api: str, job: _LargeJob) -> list[Figure]:
    address = f"{api}/projects/default/jobs/{job.id}/"
    case = f"job page, {FRAMES:,} frames"
    ready: list[float] = []
    for _ in range(LOADS):  # each with an empty cache
        context = await _context(browser, job.key)
        page = await _open(context, address)
        ready.append(await page.evaluate("Math.max(gridAt, ...longTasks.filter((end) => end < gridAt + 5000))"))
        paths: list[str] = await page.evaluate(LOADED)
        await context.close()
    context = await _context(browser, job.key)
    page = await _open(context, address)
    longest = await _scroll(browser, page)
    seen = [await _commit_to_page(page, job) for _ in range(COMMITS)]
    await context.close()
    return [
        Figure(case=case, name="script_kb", value=sum(script_sizes(paths).values()) / 1000),
        Figure(case=case, name="interactive_s", value=median(ready) / 1000),
        Figure(case=case, name="longest_task_ms", value=longest),
        Figure(case=case, name="commit_to_page_ms", value=median(seen)),
    ]


async def _context(browser: Browser, key: str) -> BrowserContext:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    await context.add_init_script(f"sessionStorage.setItem('rayfarm.key', {json.dumps(key)});{_WATCH}")
    return context


async def _open(context: BrowserContext, address: str) -> Page:
    """Once it is live and has been quiet."""
    page = await context.new_page()
    await page.goto(address, wait_until="commit")
    await page.locator("[role=grid]").wait_for(timeout=60_000)
    await page.locator('[data-connection="live"]').wait_for(timeout=60_000)
    await page.wait_for_timeout(_QUIET_MS)
    return page


async def _scroll(browser: Browser, page: Page) -> float:
    """Longest task of the main thread in milliseconds, from top to bottom and back."""
    session = await browser.new_browser_cdp_session()
    events: list[dict[str, Any]] = []
    done = asyncio.Event()
    session.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    session.on("Tracing.tracingComplete", lambda _: done.set())
    grid = page.locator("[role=grid]")
    await grid.hover()
    height = await grid.evaluate("(each) => each.scrollHeight")
    await session.send(
        "Tracing.start", {"traceConfig": {"includedCategories": _TRACED}, "transferMode": "ReportEvents"}
    )
    await page.evaluate("performance.mark('scroll')")
    for direction in (1, -1):
        for _ in range(STEPS):
            await page.mouse.wheel(0, direction * height / STEPS)
            await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    await session.send("Tracing.end")
    await done.wait()
    return longest_task_ms(events)


def longest_task_ms(events: list[dict[str, Any]]) -> float:
    """Of the main threads of pages. Raises ``ValueError`` for a trace without one."""
    mains = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    tasks = [
        event["dur"] / 1000
        for event in events
        if event["name"] in ("RunTask", "ThreadControllerImpl::RunTask")
        and event["ph"] == "X"
        and (event["pid"], event["tid"]) in mains
    ]
    if not tasks:
        raise ValueError("the trace holds no task of a page's main thread")
    return float(max(tasks))


async def _commit_to_page(page: Page, job: _LargeJob) -> float:
    """From the durable commit of a frame until its count is drawn."""
    wanted = f"{job.ended + 1:,} of {FRAMES:,} frames"
    shown = asyncio.create_task(
        page.wait_for_function(
            "(text) => document.body.textContent.includes(text) && Date.now()", arg=wanted, timeout=60_000
        )
    )
    committed_ms = await job.commit_one()
    handle = await shown
    return float(await handle.json_value()) - committed_ms


class _LargeJob:
    """Half done, and it goes on a frame at a time."""

    def __init__(self, database: Database, job_id: UUID, key: str, epoch: int) -> None:
        self._database, self.id, self.key, self._epoch = database, job_id, key, epoch
        self._replica = uuid4()
        self.ended = FRAMES // 2

    @classmethod
    async def submit(cls, database: Database) -> _LargeJob:
        project_id, model_id = await ensure_model(database)
        spec = {
            "name": "Flight over the ice",
            "model": model_id,
            "pipeline": "fake",
            "frames": f"1-{FRAMES}",
            "order": "sequential",
            "outputs": {"video": None, "previews": False},
        }
        async with database.transaction() as tx:
            job_id = (await submit_job(tx, project_id=project_id, spec=JobSpec.model_validate(spec))).id
            await ensure_project(tx, slug="default", name="Default")
            key = (await create_key(tx, project_id=None, name="bench", role=FarmRole.ADMIN)).key
        epoch = await lead(database, role="dispatcher", cluster_id=CLUSTER, holder=uuid4(), ttl=timedelta(hours=1))
        assert epoch is not None
        await pin_job(
            database, job_id=job_id, engine_version="fake 1", device_class="cpu", render_key=_KEY, epoch=epoch
        )
        await fill_half(database, job_id, FRAMES)
        job = cls(database, job_id, key, epoch)
        await register_replica(
            database,
            replica_id=job._replica,
            cluster_id=CLUSTER,
            pool="default",
            node="n",
            serve_id="s",
            labels={},
            engines={"fake": "fake 1"},
            device_class="cpu",
        )
        return job

    async def commit_one(self) -> float:
        """The time at which it was done, in milliseconds since 1970."""
        wish = Carve(replica_id=self._replica, job_id=self.id, frames=1)
        await apply_plan(self._database, cluster_id=CLUSTER, plan=Plan(placements=(wish,)), epoch=self._epoch)
        chunk = await claim_chunk(
            self._database, replica_id=self._replica, cluster_id=CLUSTER, lease=timedelta(minutes=1)
        )
        assert chunk is not None
        assert await start_chunk(self._database, work_id=chunk.work_id, fence=chunk.fence, warm=True)
        done = await commit_frames(
            self._database,
            work_id=chunk.work_id,
            fence=chunk.fence,
            replica_id=self._replica,
            frames=commits_of(chunk),
        )
        assert done is not None
        at = time.time() * 1000
        self.ended += 1
        return at


if __name__ == "__main__":
    sys.exit(main())
