"""Stays with a job to its end: reads its events, brings each output home as it lands, keeps the figures to show."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from rayfarm.client import Client
from rayfarm.downloads import Fetched, destination_of
from rayfarm.errors import ClientError
from rayfarm.types import TERMINAL_STATES, Artifact, Counts, Event, Job, Json
from rayfarm.watching import FRAME_PROGRESS

PARALLEL_DOWNLOADS = 3

REFRESH = timedelta(seconds=2)
"""How often what no event tells (ETA, why it waits, the replicas) is asked for."""

RECENT_FRAMES = 12
"""Frames whose mean time is shown; a scene's frames differ, so the last ones say most."""

_BEGINS_ANEW = frozenset({"frames.requeued", "frames.skipped"})
"""Events behind which counts may be smaller."""

_ENDS_FRAMES = frozenset({"frames.committed", "frames.failed", "frames.skipped", "frames.requeued", "frame.retried"})

_NOT_LOOKED_AT = "scheduling"
"""Reason of a wait, of which the next answer says more."""

_BRINGS_FILES = frozenset({"frames.committed", "frames.reused", "output.ready"})


MOST_IN_FLIGHT = 1000
"""Frames in flight that are kept; what comes beyond drops the oldest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlight:
    """Where a frame that renders stood when it was last told of; of a split frame the mean over its parts."""

    frame: int
    fraction: float
    done: int | None = None
    total: int | None = None
    unit: str | None = None
    eta_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is known of a job at one moment."""

    job: Job
    warm: int = 0
    cold: int = 0
    replicas: int = 0
    """Replicas that work on it."""
    seconds_per_frame: float | None = None
    downloaded: int = 0
    same: int = 0
    """Files that were there already, and identical."""
    in_flight: tuple[InFlight, ...] = ()
    """Frames that render now and have been told of."""

    @property
    def counts(self) -> Counts:
        return self.job.counts


class View(Protocol):
    """Shows a job to somebody. Called from several threads, one call at a time."""

    def show(self, figures: Figures) -> None: ...
    def event(self, event: Event) -> None: ...
    def file(self, path: Path, artifact: Artifact, fetched: Fetched) -> None: ...


@dataclass(slots=True, kw_only=True)
class Followed:
    """How it ended, and the files that are here."""

    job: Job
    figures: Figures
    files: dict[str, list[Path]] = field(default_factory=dict)
    """Artifact kind → paths."""
    render_seconds: float = 0.0
    """Until the last frame was there for this watcher."""
    video_seconds: float = 0.0
    """From then to the end of the job."""
    download_seconds: float = 0.0
    """From the end of the job until the last file was here."""


class _Downloads:
    """Brings new artifacts home on threads that never hold up the end of the program (Ctrl-C)."""

    def __init__(
        self, *, client: Client, job_id: str, out: Path, kinds: Sequence[str], landed: Callable[..., None]
    ) -> None:
        self._client = client
        self._job_id = job_id
        self._out = out
        self._kinds = frozenset(kinds)
        self._landed = landed
        self._change = threading.Condition()
        self._waiting: deque[Artifact] = deque()
        self._known: set[str] = set()
        self._cursor: str | None = None
        self._whole = False
        self._busy = 0
        self._look = False
        self._looking = False
        self._closed = False
        self.failure: ClientError | None = None
        for number in range(PARALLEL_DOWNLOADS):
            threading.Thread(target=self._work, name=f"rayfarm-download-{number}", daemon=True).start()
        threading.Thread(target=self._list, name="rayfarm-list", daemon=True).start()

    def look(self) -> None:
        """There may be new artifacts."""
        with self._change:
            self._look = True
            self._change.notify_all()

    def finish(self) -> None:
        """List once more and wait until every file is here; raises what went wrong."""
        with self._change:
            self._whole = True  # a commit may become visible behind a later one: look at all of them
        self.look()
        with self._change:
            self._change.wait_for(
                lambda: self.failure or not (self._look or self._looking or self._waiting or self._busy)
            )
        self.close()
        if self.failure:
            raise self.failure

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._change.notify_all()

    def _list(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._look or self._closed)
                if self._closed:
                    return
                self._look, self._looking = False, True
            try:
                self._list_new()
            except ClientError as error:
                self._fail(error)
            finally:
                with self._change:
                    self._looking = False
                    self._change.notify_all()

    def _list_new(self) -> None:
        """Pages from where the last listing ended: a long job is not listed anew for each frame."""
        with self._change:
            cursor = None if self._whole else self._cursor
        while True:
            page, following = self._client.artifacts_page(self._job_id, cursor=cursor)
            with self._change:
                for artifact in page:
                    if artifact.id not in self._known and artifact.kind in self._kinds and artifact.url:
                        self._waiting.append(artifact)
                    self._known.add(artifact.id)
                if following is None:
                    self._cursor = cursor
                self._change.notify_all()
            if following is None:
                return
            cursor = following

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                artifact = self._waiting.popleft()
                self._busy += 1
            try:
                destination = destination_of(self._out, artifact)
                fetched = self._client.fetch(artifact, destination)
                self._landed(destination, artifact, fetched)
            except ClientError as error:
                self._fail(error)
            finally:
                with self._change:
                    self._busy -= 1
                    self._change.notify_all()

    def _fail(self, error: ClientError) -> None:
        with self._change:
            self.failure = self.failure or error
            self._change.notify_all()


class Follower:
    """Follows one job. ``run`` returns at the job's end; an exception (Ctrl-C) leaves the job running."""

    def __init__(
        self,
        *,
        client: Client,
        job: Job,
        view: View,
        out: Path | None = None,
        kinds: Sequence[str] = ("frame", "extra", "video"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._view = view
        self._clock = clock
        self._lock = threading.Lock()
        self._figures = Figures(job=_asked(job))
        self._recent: deque[float] = deque(maxlen=RECENT_FRAMES)
        self._replicas: dict[str, None] = {}
        self._working: int | None = None
        self._in_flight: dict[int, dict[int, InFlight]] = {}
        """Frame → part (0 of a whole one) → where it stands."""
        self._warm = 0
        self._cold = 0
        self._files: dict[str, list[Path]] = {}
        self._stop = threading.Event()
        self._downloads = (
            _Downloads(client=client, job_id=job.id, out=out, kinds=kinds, landed=self._landed) if out else None
        )

    def run(self) -> Followed:
        began = self._clock()
        rendered_at: float | None = None
        job = self._figures.job
        refresher = threading.Thread(target=self._refresh, name="rayfarm-refresh", daemon=True)
        refresher.start()
        try:
            for event in self._client.watch(job):
                self._take(event)
                if rendered_at is None and self._figures.counts.ended >= self._figures.counts.total > 0:
                    rendered_at = self._clock()
            over_at = self._clock()
            self._show(job=self._client.job(job.id))
            if self._downloads:
                self._downloads.finish()
        finally:
            self._stop.set()
            if self._downloads:
                self._downloads.close()
        refresher.join()
        rendered_at = rendered_at or over_at
        with self._lock:
            return Followed(
                job=self._figures.job,
                figures=self._figures,
                files={kind: sorted(paths) for kind, paths in self._files.items()},
                render_seconds=rendered_at - began,
                video_seconds=over_at - rendered_at,
                download_seconds=self._clock() - over_at,
            )

    def _take(self, event: Event) -> None:
        with self._lock:
            self._view.event(event)
        data = event.data
        self._note_in_flight(event)
        if event.kind == "frames.committed":
            for frame in data.get("frames") or ():
                self._note_frame(frame)
        elif event.kind == "chunk.started" and data.get("replica"):
            self._note_replica(str(data["replica"]))
        if self._downloads:
            if self._downloads.failure:  # told at once: nobody waits an hour for "disk full"
                raise self._downloads.failure
            if event.kind in _BRINGS_FILES:
                self._downloads.look()
        job = self._figures.job
        if isinstance(data.get("counts"), dict):
            job = replace(job, counts=_further(job.counts, Counts.read({"total": job.counts.total, **data["counts"]})))
        # Retried or requeued: the job goes on behind its end, and its counts fall.
        anew = event.kind in _BEGINS_ANEW or data.get("from") in TERMINAL_STATES
        if anew and isinstance(data.get("counts"), dict):
            job = replace(job, counts=Counts.read({"total": job.counts.total, **data["counts"]}))
        if event.kind == "job.state" and data.get("state") and (anew or not job.is_over):
            job = replace(job, state=str(data["state"]), message=data.get("message") or job.message, wait_words=None)
        self._show(job=job, anew=anew)

    def _note_frame(self, frame: dict[str, Any]) -> None:
        if isinstance(frame.get("render_ms"), int | float):
            self._recent.append(float(frame["render_ms"]) / 1000)
        if frame.get("warm") is True:
            self._warm += 1
        elif frame.get("warm") is False:
            self._cold += 1
        if frame.get("replica"):
            self._note_replica(str(frame["replica"]))

    def _note_in_flight(self, event: Event) -> None:
        if event.kind == FRAME_PROGRESS:
            self._note_progress(event.data)
        elif event.kind == "chunk.requeued":
            self._in_flight.clear()  # those that go on are told of within a second
        elif event.kind in _ENDS_FRAMES:
            for ended in event.data.get("frames") or (event.data,):
                self._in_flight.pop(int(ended.get("frame", -1)), None)

    def _note_progress(self, data: Json) -> None:
        if not isinstance(data.get("frame"), int) or not isinstance(data.get("fraction"), int | float):
            return
        parts = self._in_flight.pop(data["frame"], {})
        parts[data.get("part") or 0] = InFlight(
            frame=data["frame"],
            fraction=float(data["fraction"]) / (data.get("parts") or 1),
            done=data.get("done"),
            total=data.get("total"),
            unit=data.get("unit"),
            eta_seconds=data.get("eta_seconds"),
        )
        self._in_flight[data["frame"]] = parts  # behind all others
        while len(self._in_flight) > MOST_IN_FLIGHT:
            self._in_flight.pop(next(iter(self._in_flight)))

    def _note_replica(self, replica: str) -> None:
        self._replicas[replica] = None

    def _refresh(self) -> None:
        while not self._stop.wait(REFRESH.total_seconds()):
            try:
                job_id = self._figures.job.id
                replicas = self._client.replicas()
                self._working = sum((replica.current or {}).get("job") == job_id for replica in replicas)
                self._show(job=self._client.job(job_id))
            except ClientError:  # the event stream decides whether the farm is gone
                continue

    def _landed(self, path: Path, artifact: Artifact, fetched: Fetched) -> None:
        with self._lock:
            self._files.setdefault(artifact.kind, []).append(path)
            same = int(fetched is Fetched.SAME)
            self._figures = replace(
                self._figures, downloaded=self._figures.downloaded + 1 - same, same=self._figures.same + same
            )
            self._view.file(path, artifact, fetched)
            self._view.show(self._figures)

    def _show(self, *, job: Job, anew: bool = False) -> None:
        with self._lock:
            before = self._figures.job
            if not anew:
                if before.is_over and not job.is_over:  # an answer that an event overtook
                    job = before
                job = replace(job, counts=_further(before.counts, job.counts))
            mean = sum(self._recent) / len(self._recent) if self._recent else job.seconds_per_frame
            self._figures = replace(
                self._figures,
                job=job,
                warm=max(self._warm, job.warm),
                cold=max(self._cold, job.cold),
                replicas=len(self._replicas) if self._working is None else self._working,
                seconds_per_frame=mean,
                in_flight=() if job.is_over else tuple(_whole(parts) for parts in list(self._in_flight.values())),
            )
            self._view.show(self._figures)


def _asked(job: Job) -> Job:
    """A job as a submit answers with it: that nobody has looked at it yet is no news then."""
    wait = job.raw.get("wait") or {}
    return replace(job, wait_words=None) if wait.get("reason") == _NOT_LOOKED_AT else job


def _whole(parts: dict[int, InFlight]) -> InFlight:
    """Of a whole frame as it is told; of a split one the fractions of its parts together."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    told = list(parts.values())
    return InFlight(frame=told[0].frame, fraction=sum(part.fraction for part in told))


def _further(one: Counts, other: Counts) -> Counts:
    """The later of two views of the counts: events and answers may overtake each other, counts only grow."""
    return other if other.ended >= one.ended or other.total != one.total else one
