"""Spans of a job's frames: hand-out by the dispatcher, chunk on a replica, and in it the phases of each frame.

A frame's spans are made when it has its outcome, from times that are measured anyway: a frame of milliseconds pays
for them only where it is one of the few of its job that have some.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode

from cluster.tracing.context import context_of, has_spans, ids_in, is_sampled, traceparent_of, tracer
from db.queue import ClaimedChunk


class HandOuts:
    """The hand-outs of one plan: a span for each job of which chunks go to replicas, below the job's request."""

    def __init__(self, *, frames_per_job: int) -> None:
        self._frames_per_job = frames_per_job
        self._spans: dict[UUID, Span] = {}
        self._chunks: dict[UUID, int] = {}

    def __call__(self, job_id: UUID, traceparent: str, total: int, ordinals: Sequence[int]) -> str | None:
        """What the chunk's row shall carry; None: nothing beyond what its job says."""
        if not self._wants(total, ordinals):
            return None
        span = self._spans.get(job_id)
        if span is None:
            parent = context_of(traceparent)
            if not is_sampled(parent):
                return None
            span = tracer().start_span(
                "chunk.hand_out", parent, kind=SpanKind.PRODUCER, attributes={"rayfarm.job.id": str(job_id)}
            )
            if not span.is_recording():  # nobody here exports; a replica elsewhere may
                return None
            self._spans[job_id] = span
        self._chunks[job_id] = self._chunks.get(job_id, 0) + 1
        return traceparent_of(trace.set_span_in_context(span, Context()))

    def end(self) -> None:
        """The plan is written. Of one that is not, no span is left."""
        for job_id, span in self._spans.items():
            span.set_attribute("rayfarm.chunks", self._chunks[job_id])
            span.end()
        self._spans.clear()

    def _wants(self, total: int, ordinals: Sequence[int]) -> bool:
        if not ordinals:
            return total <= self._frames_per_job
        return any(has_spans(one, total=total, frames_per_job=self._frames_per_job) for one in ordinals)


@dataclass(frozen=True, slots=True)
class ChunkTrace:
    """Where the frames of a chunk hang."""

    context: Context
    total: int
    frames_per_job: int

    @classmethod
    @contextlib.contextmanager
    def of(cls, chunk: ClaimedChunk, *, replica_id: UUID, frames_per_job: int) -> Iterator[ChunkTrace | None]:
        """While the chunk is on this replica; None where none of its frames has spans, or nobody wants the trace."""
        parent = context_of(chunk.traceparent)
        few = any(has_spans(one, total=chunk.total, frames_per_job=frames_per_job) for one in chunk.ordinals)
        if not few or not is_sampled(parent):
            yield None
            return
        with tracer().start_as_current_span(
            "chunk.render",
            context=parent,
            kind=SpanKind.CONSUMER,
            attributes={
                "rayfarm.job.id": str(chunk.job_id),
                "rayfarm.work.id": chunk.work_id,
                "rayfarm.replica.id": str(replica_id),
                "rayfarm.pipeline": chunk.pipeline,
                "rayfarm.frames": len(chunk.ordinals),
            },
            record_exception=False,
        ) as span:
            yield cls(trace.set_span_in_context(span, Context()), chunk.total, frames_per_job)

    def opened(self, *, warm: bool, ms: float) -> None:
        """An engine has been had, which ended now: files fetched, process started, model loaded."""
        ended = time.time()
        _span("engine.open", self.context, ended - ms / 1000, ended, {"rayfarm.warm": warm})

    def context_of(self, ordinal: int) -> Context | None:
        """Where the spans of this frame hang; None: it has none."""
        return self.context if has_spans(ordinal, total=self.total, frames_per_job=self.frames_per_job) else None


def ids_of_chunk(chunk: ClaimedChunk) -> dict[str, str | int]:
    """What every line of the log says that is about this chunk."""
    return {"job_id": str(chunk.job_id), "work_id": chunk.work_id, **ids_in(chunk.traceparent)}


class _Chunk(Protocol):
    @property
    def job_id(self) -> UUID: ...


class RenderedFrame(Protocol):
    """A frame that an engine has delivered."""

    @property
    def chunk(self) -> _Chunk: ...
    @property
    def frame(self) -> int: ...
    @property
    def attempt_id(self) -> UUID: ...
    @property
    def started_at(self) -> float: ...
    @property
    def rendered_at(self) -> float: ...
    @property
    def warm(self) -> bool: ...
    @property
    def trace(self) -> Context | None: ...


def trace_committed(
    frame: RenderedFrame, *, engine_ms: Mapping[str, float], around_ms: Mapping[str, float], commit_s: float, won: bool
) -> None:
    """The spans of a frame whose commit has just ended. ``engine_ms``: the engine's own phases, one behind the other;
    ``around_ms``: ``finish`` and ``upload``, one behind the other; ``won``: its chunk was still ours."""
    if frame.trace is None:
        return
    ended = time.time()
    rendered = ended - (time.monotonic() - frame.rendered_at)
    attributes = {**_ids(frame.chunk.job_id, frame.frame, frame.attempt_id), "rayfarm.warm": frame.warm}
    with _frame(frame.trace, frame.started_at, ended, {**attributes, "rayfarm.won": won}) as (_, context):
        at = frame.started_at
        for name, ms in engine_ms.items():
            at = _span(f"engine.{name}", context, at, min(at + ms / 1000, rendered))
        at = rendered
        for name in ("finish", "upload"):
            at = _span(f"frame.{name}", context, at, at + around_ms.get(name, 0.0) / 1000)
        _span("frame.commit", context, ended - commit_s, ended)


def trace_failed(
    context: Context | None, *, job_id: UUID, frame: int, attempt_id: UUID, started_at: float, reason: str
) -> None:
    """The span of a try that failed just now; ``started_at``: seconds since the epoch, 0 where nothing rendered."""
    if context is None:
        return
    ended = time.time()
    with _frame(context, started_at or ended, ended, _ids(job_id, frame, attempt_id)) as (span, _):
        span.set_attribute("rayfarm.reason", reason)
        span.set_status(StatusCode.ERROR, reason)


def _ids(job_id: UUID, frame: int, attempt_id: UUID) -> dict[str, str | int]:
    return {"rayfarm.job.id": str(job_id), "rayfarm.frame": frame, "rayfarm.attempt.id": str(attempt_id)}


@contextlib.contextmanager
def _frame(
    parent: Context, began: float, ended: float, attributes: Mapping[str, str | int | bool]
) -> Iterator[tuple[Span, Context]]:
    span = tracer().start_span("frame", parent, attributes=attributes, start_time=_ns(began))
    yield span, trace.set_span_in_context(span, Context())
    span.end(_ns(ended))


def _span(
    name: str, parent: Context, began: float, ended: float, attributes: Mapping[str, str | bool] | None = None
) -> float:
    """One that has passed; when it ended."""
    ended = max(began, ended)
    tracer().start_span(name, parent, attributes=attributes, start_time=_ns(began)).end(_ns(ended))
    return ended


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
