"""One run of chaos: a farm of its own, traffic of two projects, faults for a while, the settling, the ledger."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest import mock

from botocore.exceptions import ClientError as S3Error
from pydantic import SecretStr

from cluster.local import control
from cluster.local.settings import LocalFarmSettings
from db.bootstrap import ensure_project
from db.keys import create_key
from db.session import Database
from db.settings import DatabaseSettings
from jobs.access import ProjectRole
from jobs.errors import Unavailable
from jobs.limits import FarmLimits
from rayfarm import Client
from rayfarm._transport import TransportSettings
from tests.chaos.faults import LEASE_S, Faults
from tests.chaos.ledger import EMPTY, Ledger, read_ledger
from tests.chaos.storage_proxy import StorageProxy
from tests.chaos.traffic import Traffic
from tests.db.queue_model import check, read_picture
from tests.farm.running import RunningFarm
from tests.storage.seaweedfs_server import ACCESS_KEY, BUCKET, SECRET_KEY, SeaweedServer

LIMITS = FarmLimits(lease=timedelta(seconds=LEASE_S), beat=timedelta(seconds=LEASE_S / 3), worker_failures_per_frame=25)
"""The ceiling of lost workers is out of reach of chance: here a job that fails has lost a frame."""
_PROJECTS = ("greedy", "small")
_LOOK_EVERY_S = 20.0
"""Between two looks at all rows while things go wrong."""
_STUCK_AFTER_S = 240.0
"""Without any frame or job ending after the last fault; a farm that is well needs seconds, on a busy machine more."""
_PATIENCE = TransportSettings(
    read_timeout=timedelta(seconds=20), first_contact=timedelta(seconds=60), patience=timedelta(seconds=8)
)

_SETTINGS = {
    "RAYFARM_LIMITS_LEASE": f"PT{LIMITS.lease.total_seconds():g}S",
    "RAYFARM_LIMITS_BEAT": f"PT{LIMITS.beat.total_seconds():g}S",
    "RAYFARM_LIMITS_WORKER_FAILURES_PER_FRAME": str(LIMITS.worker_failures_per_frame),
    "RAYFARM_CLUSTER_TASK_LEASE": "PT10S",
    "RAYFARM_CLUSTER_PREVIEWS_EVERY": "PT5S",
    "RAYFARM_LOOPS_COLLECT_EVERY": "PT20S",
    "RAYFARM_LOOPS_COLLECT_PAUSE": "PT2S",
    "RAYFARM_LOOPS_LEFTOVERS_KEPT": "PT0S",
    "RAYFARM_STORAGE_READ_TIMEOUT": "PT10S",
    "RAYFARM_STORAGE_MAX_ATTEMPTS": "2",
}
"""Short leases, and a collector that deletes at once whatever no row names: what is wrongly named dead is missed."""


@dataclass(frozen=True, slots=True)
class Report:
    """What happened, for people."""

    seed: int
    minutes: float
    faults: Counter[str]
    missed: Counter[str]
    requests_harmed: int
    told: Counter[str]
    settled_s: float
    ledger: Ledger
    wrong: list[str]
    logs: Path | None

    def __str__(self) -> str:
        lines = [
            f"chaos: seed {self.seed}, {self.minutes:g} minutes, {sum(self.faults.values())} faults",
            f"  faults: {_words(self.faults)}" + (f"; no such process: {_words(self.missed)}" if self.missed else ""),
            f"  storage requests harmed: {self.requests_harmed}; API calls: {_words(self.told)}",
            f"  jobs: {_words(self.ledger.jobs)}; settled {self.settled_s:.0f} s after the last fault",
            f"  frames: {_words(self.ledger.frames)}; files checked: {self.ledger.files}",
            f"  attempts: {_words(self.ledger.attempts)}",
        ]
        if self.wrong:
            lines += [f"  WRONG: {line}" for line in self.wrong[:30]]
            lines.append(f"  {len(self.wrong)} wrong. Again: make chaos MINUTES={self.minutes:g} SEED={self.seed}")
            lines.append(f"  The farm's files: {self.logs}")
        else:
            lines.append("  the ledger is exact: nothing lost, nothing twice, every file as its row says, no job stuck")
        return "\n".join(lines)


def run_chaos(*, seed: int, minutes: float) -> Report:
    """Start a farm, harm it for so long, let it settle, and count. Its folder stays where something is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="rf-"))
    folder.chmod(0o755)
    report = None
    try:
        with _storage(folder, seed) as (server, proxy), _farm(folder / "home", proxy) as farm:
            report = asyncio.run(_Run(farm, server, proxy, seed=seed, minutes=minutes).run(folder))
        return report
    finally:
        if report is not None and not report.wrong:
            shutil.rmtree(folder, ignore_errors=True)


class _Run:
    """The parts of one run that share the farm."""

    def __init__(
        self, running: RunningFarm, server: SeaweedServer, proxy: StorageProxy, *, seed: int, minutes: float
    ) -> None:
        self._running, self._proxy = running, proxy
        self._objects = server.client()
        self._seed, self._minutes = seed, minutes
        self._faults = Faults(running, proxy, random.Random(f"{seed} faults"))
        self._wrong: list[str] = []

    async def run(self, folder: Path) -> Report:
        database = Database(DatabaseSettings(url=SecretStr(self._running.database_url)))
        traffics = [await self._traffic(database, name) for name in _PROJECTS]
        for traffic in traffics:
            traffic.start()
        try:
            await self._harm(database)
        finally:
            self._faults.heal()
            for traffic in traffics:
                traffic.stop()
        for traffic in traffics:
            await asyncio.to_thread(traffic.join, 120)
        began = time.monotonic()
        await self._settle(traffics)
        settled_s = time.monotonic() - began
        print(f"  {settled_s:.0f} s after the last fault: counting", flush=True)
        picture = await read_picture(database)
        await database.close()
        ledger = await asyncio.to_thread(
            read_ledger,
            self._running.rows,
            picture,
            ordered=[job for traffic in traffics for job in traffic.jobs],
            limits=LIMITS,
            fetch=self._fetch,
        )
        told: Counter[str] = sum((traffic.told for traffic in traffics), Counter())
        return Report(
            seed=self._seed,
            minutes=self._minutes,
            faults=self._faults.done,
            missed=self._faults.missed,
            requests_harmed=self._proxy.harmed,
            told=told,
            settled_s=settled_s,
            ledger=ledger,
            wrong=self._wrong + [line for traffic in traffics for line in traffic.wrong] + ledger.wrong,
            logs=folder,
        )

    async def _traffic(self, database: Database, name: str) -> Traffic:
        async with database.transaction() as tx:
            project = await ensure_project(tx, slug=name, name=name)
            made = await create_key(tx, project_id=project, name="chaos", role=ProjectRole.MANAGER)
        view = RunningFarm(self._running.home)
        view.http.headers["Authorization"] = f"Bearer {made.key}"
        model = await asyncio.to_thread(view.fake_model)
        client = Client(self._running.url, made.key, settings=_PATIENCE)
        return Traffic(name=name, client=client, model=model, chance=random.Random(f"{self._seed} {name}"))

    async def _harm(self, database: Database) -> None:
        looks = asyncio.create_task(self._look_for_ever(database), name="chaos-looks")
        try:
            await asyncio.to_thread(self._faults.run, self._minutes * 60)
        finally:
            looks.cancel()

    async def _look_for_ever(self, database: Database) -> None:
        """The invariants hold at every moment, not only at the end."""
        last = EMPTY
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                now = await read_picture(database)
            except (Unavailable, OSError):
                continue
            try:
                check(last, now, reopened=now.jobs.keys(), single_step=False, limits=LIMITS)
            except AssertionError as error:
                self._wrong.append(f"in the middle: {error}")
                print(f"  WRONG in the middle: {error}", flush=True)
            last = now

    async def _settle(self, traffics: list[Traffic]) -> None:
        """Until every job has ended, or nothing has moved for long."""
        moved_at, seen = time.monotonic(), ""
        query = "select count(*), (select count(*) from frame_result), (select count(*) from attempt) from job"
        while True:
            left = [job for traffic in traffics for job in await asyncio.to_thread(traffic.settle)]
            if not left:
                return
            now = f"{len(left)} {self._running.rows(query)}"
            if now != seen:
                moved_at, seen = time.monotonic(), now
            elif time.monotonic() - moved_at > _STUCK_AFTER_S:
                return  # the ledger names them
            await asyncio.sleep(2)

    def _fetch(self, key: str) -> bytes | None:
        try:
            return self._objects.get_object(Bucket=BUCKET, Key=f"farm/{key}")["Body"].read()
        except S3Error:
            return None


@contextmanager
def _storage(folder: Path, seed: int) -> Iterator[tuple[SeaweedServer, StorageProxy]]:
    (folder / "s3").mkdir()
    server = SeaweedServer(folder / "s3")
    server.wait_until_ready(seconds=90)
    proxy = StorageProxy(server.url, chance=random.Random(f"{seed} storage"))
    try:
        yield server, proxy
    finally:
        proxy.stop()
        server.stop()


@contextmanager
def _farm(home: Path, proxy: StorageProxy) -> Iterator[RunningFarm]:
    home.mkdir()
    home.chmod(0o755)
    told = {
        **_SETTINGS,
        "RAYFARM_STORAGE_ENDPOINT_URL": proxy.url,
        "RAYFARM_STORAGE_ACCESS_KEY_ID": ACCESS_KEY,
        "RAYFARM_STORAGE_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    options = LocalFarmSettings(
        home=home,
        num_cpus=2,
        render_slots=2,
        storage_url=f"s3://{BUCKET}/farm",
        deploy_timeout=timedelta(minutes=8),
        backoff_longest=timedelta(seconds=2),
    )
    try:
        with mock.patch.dict(os.environ, told):
            control.up(home, options)
        yield RunningFarm(home)
    finally:
        control.down(home)


def _words(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items())) or "none"
