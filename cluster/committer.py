"""Finished frames on their way out: upload under the attempt's key, then one fenced commit for all that wait.

While frame k uploads, frame k+1 renders. Commits group by themselves: whatever finished during a commit goes into the
next one, so tiny frames share their transactions and long ones are visible at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import structlog

from cluster.backoff import Patience
from cluster.finished_frames import EXTRA_MEDIA_TYPES, FinishedFrame, artifact, uploads_of
from cluster.metrics.ports import SILENT, ReplicaMeter
from cluster.settings import ClusterSettings
from cluster.tracing import ids_of_chunk, trace_committed
from db.queue import ClaimedChunk, FrameCommit, PartCommit, commit_frames, commit_part
from db.session import Database
from jobs.errors import InvalidInput
from jobs.plain_files import remove_tree
from jobs.states import EndReason
from pipelines.base import OutputFormat
from pipelines.pictures import OUTPUTS
from pipelines.post.pixels import BadPicture, PictureFacts
from pipelines.post.preview import needs_preview
from pipelines.post.verify import verify_picture
from storage.base import Storage
from storage.keys import artifact_key

_log = structlog.get_logger(__name__)
_Stored = TypeVar("_Stored")

_PART_FORMATS = {OUTPUTS[name].extension: OUTPUTS[name] for name in ("png", "exr")}


FailFrame = Callable[[FinishedFrame, EndReason, str], Awaitable[None]]
"""Report a frame whose picture failed its checks, or could not be committed."""

Superseded = Callable[[int, int], None]
"""Called with (work id, fence) when a commit found the chunk taken away."""


class Committer:
    """One per replica; ``put`` from the render loop, ``run`` as a task."""

    def __init__(
        self,
        *,
        database: Database,
        storage: Storage,
        replica_id: UUID,
        settings: ClusterSettings,
        on_bad_picture: FailFrame,
        on_superseded: Superseded,
        meter: ReplicaMeter = SILENT,
    ) -> None:
        self._database = database
        self._storage = storage
        self._replica_id = replica_id
        self._settings = settings
        self._patience = Patience(settings.retry_first, settings.retry_longest)
        self._on_bad_picture = on_bad_picture
        self._on_superseded = on_superseded
        self._meter = meter
        self._queue: asyncio.Queue[FinishedFrame | None] = asyncio.Queue(maxsize=settings.commit_queue)
        self._trouble: dict[str, str] = {}
        self._waiting: Counter[tuple[int, int]] = Counter()

    def held(self) -> set[tuple[int, int]]:
        """(work id, fence) of every chunk with a frame that was handed over and is not committed yet."""
        return set(self._waiting)

    def trouble(self) -> dict[str, str]:
        """``job_id`` and, in words, the ``trouble`` that keeps its rendered frames here; empty when there is none."""
        return dict(self._trouble)

    async def put(self, finished: FinishedFrame) -> None:
        """Hand over a frame; waits while ``commit_queue`` frames are ahead of it."""
        self._waiting[finished.chunk.key] += 1
        await self._queue.put(finished)

    async def flush(self) -> None:
        """Wait until every frame handed over has been committed or dropped."""
        await self._queue.put(None)
        await self._queue.join()

    async def run(self) -> None:
        """Commit for ever; an outage of database or storage is waited out with the frames kept on disk."""
        loop = asyncio.get_running_loop()
        ready_at = loop.time()
        while True:
            batch = await self._next_batch(ready_at)
            ready_at = loop.time() + self._settings.commit_pause.total_seconds()
            try:
                for frames in _by_chunk(batch):
                    with structlog.contextvars.bound_contextvars(**ids_of_chunk(frames[0].chunk)):
                        await self._commit_or_drop(frames)
            finally:
                for finished in batch:
                    remove_tree(finished.scratch)
                    self._settled(finished)

    async def _next_batch(self, ready_at: float) -> list[FinishedFrame]:
        """What comes until ``ready_at`` (the loop's clock), one frame at least; a last one or a flush ends the wait."""
        batch: list[FinishedFrame] = []
        while len(batch) < self._settings.commit_batch:
            finished: FinishedFrame | None
            try:
                finished = self._queue.get_nowait()  # a timer for each frame would cost more than its commit
            except asyncio.QueueEmpty:
                try:
                    async with asyncio.timeout_at(ready_at if batch else None):
                        finished = await self._queue.get()
                except TimeoutError:
                    break
            if finished is not None:
                batch.append(finished)
            else:
                self._queue.task_done()
            if finished is None or finished.last:
                ready_at = 0.0
        return batch

    def _settled(self, finished: FinishedFrame) -> None:
        key = finished.chunk.key
        self._waiting[key] -= 1
        if not self._waiting[key]:
            del self._waiting[key]
        self._queue.task_done()

    async def _commit_or_drop(self, frames: list[FinishedFrame]) -> None:
        """What not even a failure can be written of is let go: its lease runs out, and the queue hands it out again."""
        try:
            if checked := await self._check(frames):
                await self._commit_apart(checked)
        except Exception:
            _log.exception("frames_dropped", frames=len(frames))

    async def _commit_apart(self, checked: list[tuple[FinishedFrame, PictureFacts]]) -> None:
        """All in one commit; where that breaks, one by one, so that what breaks it costs its own frame alone."""
        try:
            await self._commit(checked)
        except Exception as error:
            if len(checked) > 1:
                for one in checked:
                    await self._commit_apart([one])
            elif isinstance(error, InvalidInput):  # a file that is no plain one, or was changed meanwhile
                await self._on_bad_picture(checked[0][0], EndReason.BAD_OUTPUT, str(error))
            else:
                _log.exception("commit_failed", frame=checked[0][0].frame)
                words = f"The farm could not commit this frame ({type(error).__name__}); the worker's log says more."
                await self._on_bad_picture(checked[0][0], EndReason.INFRA, words)

    async def _commit(self, checked: list[tuple[FinishedFrame, PictureFacts]]) -> None:
        first = checked[0][0]
        chunk = first.chunk
        if chunk.part is not None:
            await self._commit_part(first)
            return
        commits = await self._when_stored(chunk, lambda: self._upload(checked))
        began = time.monotonic()
        accepted = await self._patience.until_available(
            "commit",
            lambda: commit_frames(
                self._database,
                work_id=chunk.work_id,
                fence=chunk.fence,
                replica_id=self._replica_id,
                frames=commits,
                needs_preview=any(needs_preview(facts, item.format.media_type) for item, facts in checked),
            ),
        )
        _trace(checked, commits, began, won=accepted is not None)
        if accepted is None:
            _log.info("commit_superseded", fence=chunk.fence, frames=len(commits))
            self._on_superseded(chunk.work_id, chunk.fence)
        else:
            self._meter.committed([_cost_of(frame) for frame, _ in checked])
            _log.info("frames_committed", frames=[frame.frame for frame, _ in checked], fence=chunk.fence)

    async def _when_stored(self, chunk: ClaimedChunk, upload: Callable[[], Awaitable[_Stored]]) -> _Stored:
        """Upload with patience; the replica's row says meanwhile what it waits for."""

        def tell(words: str) -> None:
            self._trouble = {"job_id": str(chunk.job_id), "trouble": words}

        stored = await self._patience.until_available("upload", upload, tell=tell)
        self._trouble = {}
        return stored

    async def _commit_part(self, finished: FinishedFrame) -> None:
        """A slice of a frame: a chunk of its own, so that it comes alone."""
        chunk = finished.chunk
        commit = await self._when_stored(chunk, lambda: _upload_part(self._storage, finished))
        began = time.monotonic()
        accepted = await self._patience.until_available(
            "commit",
            lambda: commit_part(
                self._database,
                work_id=chunk.work_id,
                fence=chunk.fence,
                replica_id=self._replica_id,
                commit=commit,
            ),
        )
        _trace([(finished, None)], [commit], began, won=accepted)
        if not accepted:
            _log.info("part_superseded", fence=chunk.fence, part=chunk.part)
            self._on_superseded(chunk.work_id, chunk.fence)
        else:
            self._meter.committed([_cost_of(finished)])

    async def _check(self, frames: list[FinishedFrame]) -> list[tuple[FinishedFrame, PictureFacts]]:
        """Those whose pictures are whole, in a thread; the others are reported."""
        limit = self._settings.check_decode_bytes
        whole = []
        for finished, found in await asyncio.to_thread(lambda: [(frame, _look_at(frame, limit)) for frame in frames]):
            if isinstance(found, PictureFacts):
                whole.append((finished, found))
            else:
                await self._on_bad_picture(finished, EndReason.BAD_OUTPUT, str(found))
        return whole

    async def _upload(self, checked: list[tuple[FinishedFrame, PictureFacts]]) -> list[FrameCommit]:
        uploads = [uploads_of(finished) for finished, _ in checked]
        flat = [upload for of_frame in uploads for upload in of_frame]
        began = time.monotonic()
        stored = {item.key: item for item in await self._storage.put_artifacts(flat)}
        upload_ms = (time.monotonic() - began) * 1000
        commits = []
        for (finished, facts), of_frame in zip(checked, uploads, strict=True):
            artifacts = [artifact(finished, facts, upload, stored[upload.key]) for upload in of_frame]
            commits.append(
                FrameCommit(
                    ordinal=finished.ordinal,
                    frame=finished.frame,
                    attempt_id=finished.attempt_id,
                    started_at=finished.started_at,
                    engine_ms=finished.engine_ms,
                    timings_ms=_timings(finished, began=began, upload_ms=upload_ms),
                    metrics=_metrics(finished),
                    warm=finished.warm,
                    log=finished.output.log,
                    artifacts=artifacts,
                )
            )
        return commits


def _cost_of(frame: FinishedFrame) -> tuple[bool, float]:
    return frame.warm, frame.engine_ms / 1000


def _trace(
    checked: Sequence[tuple[FinishedFrame, object]],
    commits: Sequence[FrameCommit | PartCommit],
    began: float,
    *,
    won: bool,
) -> None:
    """The spans of frames whose commit began then (by the monotonic clock) and ends now."""
    took_s = time.monotonic() - began
    for (frame, _), commit in zip(checked, commits, strict=True):
        phases = frame.output.timings_ms
        trace_committed(frame, engine_ms=phases, around_ms=commit.timings_ms, commit_s=took_s, won=won)


def _timings(finished: FinishedFrame, *, began: float, upload_ms: float) -> dict[str, float]:
    """The engine's own, and around them queue, load, finish (checks, and the wait for company) and upload.

    ``engine`` is what the replica itself saw of all that the engine tells. Frames that go out together share the time
    of their upload.
    """
    finish_ms = (began - finished.rendered_at) * 1000
    engine = finished.output.timings_ms
    render_ms = sum(engine.values())  # all of it, where the engine does not tell rendering from the rest
    around = {**finished.before_ms, "engine": finished.engine_ms, "finish": finish_ms, "upload": upload_ms}
    times = {"render": render_ms, **engine, **around}
    times["load"] += engine.get("load", 0.0)  # a resident model may move to another device, or take other weights
    return times


def _metrics(finished: FinishedFrame) -> dict[str, object]:
    output = finished.output
    return {**output.metrics, "warm": finished.warm, "warnings": list(output.warnings)}


def _look_at(finished: FinishedFrame, decode_limit_bytes: int) -> PictureFacts | BadPicture:
    """What its picture is, or what is wrong with it."""
    main = finished.output.main
    try:
        return verify_picture(
            main,
            expected=finished.frame_size,
            decode_limit_bytes=decode_limit_bytes,
            output=finished.format if finished.chunk.part is None else _part_format(main),
        )
    except BadPicture as error:
        return error


def _part_format(main: Path) -> OutputFormat:
    """Its pipeline chooses it: what a merge reads, and nothing else."""
    return _PART_FORMATS.get(main.suffix, OUTPUTS["exr"])


def _by_chunk(batch: list[FinishedFrame]) -> list[list[FinishedFrame]]:
    groups: dict[tuple[int, int], list[FinishedFrame]] = {}
    for finished in batch:
        groups.setdefault(finished.chunk.key, []).append(finished)
    return list(groups.values())


async def _upload_part(storage: Storage, finished: FinishedFrame) -> PartCommit:
    """Store the slice under the key of its attempt. Its extra files are not kept: they are of no whole frame."""
    main, chunk = finished.output.main, finished.chunk
    name = f"part_{chunk.part:02d}_of_{chunk.parts:02d}{main.suffix}"
    media_type = EXTRA_MEDIA_TYPES.get(main.suffix.lower(), "application/octet-stream")
    key = artifact_key(job_id=str(chunk.job_id), part=finished.ordinal, attempt=str(finished.attempt_id), filename=name)
    began = time.monotonic()
    stored = await storage.put_artifact(key, main, media_type=media_type)
    upload_ms = (time.monotonic() - began) * 1000
    return PartCommit(
        attempt_id=finished.attempt_id,
        started_at=finished.started_at,
        storage_key=stored.key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        media_type=media_type,
        engine_ms=finished.engine_ms,
        timings_ms=_timings(finished, began=began, upload_ms=upload_ms),
        metrics=_metrics(finished),
        warm=finished.warm,
        log=finished.output.log,
    )
