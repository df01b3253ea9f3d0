"""Rayfarm as its user meets it: a farm, and jobs through the REST API by the SDK."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cluster.local import control
from cluster.local.settings import LocalFarmSettings
from loadtests.cases import Settings
from rayfarm import Client
from rayfarm.types import Event, Job, Model

_COMMITTED = "frames.committed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeconds:
    """Seconds per frame of one job, seen from outside the farm."""

    whole: float
    """From the call of ``submit`` until the SDK has heard that the last frame is committed, over all frames."""
    between_commits: float
    """From the first commit to the last by the database's clock, over the frames behind the first commit; NaN when
    all came in one."""
    engine: float
    """Mean of what the engine itself says that a frame took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFarm:
    """A farm that a bench has for itself."""

    home: Path
    url: str
    key: str


@contextmanager
def running_farm(folder: Path) -> Iterator[Client]:
    """The farm that ``RAYFARM_URL`` names; else one of our own, stopped and removed afterwards."""
    if os.environ.get("RAYFARM_URL"):
        with Client() as client:
            yield client
        return
    with own_farm(folder) as farm, Client(farm.url, farm.key) as client:
        yield client


@contextmanager
def own_farm(folder: Path) -> Iterator[OwnFarm]:
    """A farm on this machine until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="farm-", dir=folder))
    try:
        info = control.up(home, LocalFarmSettings(home=home))
        yield OwnFarm(home=home, url=info.api_url, key=(home / "admin_key").read_text(encoding="utf-8").strip())
    finally:
        control.down(home)
    shutil.rmtree(home, ignore_errors=True)  # kept after a failure: its logs say why


def render_job(
    client: Client, model: Model, settings: Settings, frames: Sequence[int], **fields: Any
) -> tuple[Job, JobSeconds]:
    """Submit one job, watch it to its end; ``fields``: others of its spec."""
    begun = time.perf_counter()
    job = client.submit(
        model,
        frames=",".join(map(str, frames)),
        settings=dict(settings),
        name="bench",
        order="sequential",
        outputs={"video": None, "previews": False},
        reuse=False,
        **fields,
    )
    commits: list[Event] = []
    heard = begun
    for event in client.watch(job):
        if event.kind == _COMMITTED:
            heard = time.perf_counter()
            commits.append(event)
    job = client.job(job.id)
    if job.state != "succeeded" or job.counts.committed != len(frames):
        raise RuntimeError(f"The farm's job ended as {job.state} with {job.counts}: {job.message}")
    return job, JobSeconds(
        whole=(heard - begun) / len(frames),
        between_commits=between_commits(commits),
        engine=engine_seconds(commits),
    )


def between_commits(commits: Sequence[Event]) -> float:
    """Seconds per frame in mid-job; see ``JobSeconds``."""
    times = [datetime.fromisoformat(event.at) for event in commits if event.at]
    behind = sum(len(event.data["frames"]) for event in commits[1:])
    if len(times) < 2 or behind == 0:
        return math.nan
    return (times[-1] - times[0]).total_seconds() / behind


def engine_seconds(commits: Sequence[Event]) -> float:
    """Mean over the frames of all commits."""
    frames = [frame for event in commits for frame in event.data["frames"]]
    return sum(frame["render_ms"] for frame in frames) / 1000 / len(frames) if frames else math.nan


def fetch_frame(client: Client, job: Job, frame: int, folder: Path) -> Path:
    """The picture of one frame."""
    for artifact in client.artifacts(job, kind="frame"):
        if artifact.frame == frame:
            destination = folder / f"farm-{frame:06d}.png"
            client.fetch(artifact, destination)
            return destination
    raise RuntimeError(f"The job has no picture of frame {frame}.")
