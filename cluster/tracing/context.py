"""Trace contexts as text: what a row, a task's arguments or a header carries, and the spans that hang below it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cluster.tracing.settings import TracingSettings
from db.dispatch import ClaimedTask
from jobs.states import WorkKind

CALLER = "rayfarm.caller"
"""Attribute of a request's span: how its caller is known."""

_W3C = TraceContextTextMapPropagator()
"""The farm's own fields are W3C's, whatever OTEL_PROPAGATORS says of headers."""


def has_spans(ordinal: int, *, total: int, frames_per_job: int) -> bool:
    """Whether this frame is one of the ``frames_per_job`` at most that have spans: always the first."""
    return ordinal % max(1, -(-total // frames_per_job)) == 0


def tracer() -> trace.Tracer:
    """Looked up each time: the provider may have been set since."""
    return trace.get_tracer("rayfarm")


def context_of(traceparent: str | None) -> Context:
    """The context that ``traceparent`` names; an empty one for None. Never that of the code that asks."""
    if traceparent is None:
        return Context()
    return _W3C.extract({"traceparent": traceparent}, context=Context())


def current_traceparent() -> str | None:
    """``traceparent`` (W3C Trace Context, version 00) of the running span; None outside of any."""
    return traceparent_of(None)


def traceparent_of(context: Context | None) -> str | None:
    """The same of a context that is not the running one."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context=context)
    return carrier.get("traceparent")


def is_sampled(context: Context) -> bool:
    return trace.get_current_span(context).get_span_context().trace_flags.sampled


def ids_in(traceparent: str | None) -> dict[str, str]:
    """``trace_id`` for lines of the log, whether or not the trace is kept; empty outside of any."""
    found = trace.get_current_span(context_of(traceparent)).get_span_context()
    return {"trace_id": trace.format_trace_id(found.trace_id)} if found.is_valid else {}


def caller_is_known(kind: str) -> None:
    """Note on the span of this request that its caller has a key or a session."""
    trace.get_current_span().set_attribute(CALLER, kind)


@contextlib.contextmanager
def whole_span(name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: str) -> Iterator[Span]:
    """A span of a program's whole work; its parent is in the variable ``TRACEPARENT``, where that is set."""
    parent = context_of(os.environ.get("TRACEPARENT"))
    with tracer().start_as_current_span(name, parent, kind=kind, attributes=attributes) as span:
        yield span


@contextlib.contextmanager
def task_span(task: ClaimedTask) -> Iterator[None]:
    """One task behind the frames, below the request that asked for it. What it raises marks it as failed.

    Previews and merges, of which a job has as many as frames, have spans where their frames have.
    """
    per_job = TracingSettings().frames_per_job
    small = task.task == "preview" or task.kind is WorkKind.MERGE
    if small and not any(has_spans(one, total=task.total, frames_per_job=per_job) for one in task.ordinals or ()):
        yield
        return
    attributes: Mapping[str, str | int | None] = {
        "rayfarm.job.id": str(task.job_id) if task.job_id else None,
        "rayfarm.model.id": str(task.model_id) if task.model_id else None,
        "rayfarm.work.id": task.work_id,
        "rayfarm.frames": len(task.ordinals) if task.ordinals else None,
    }
    with tracer().start_as_current_span(
        f"task.{task.task or task.kind}",
        context=context_of(task.traceparent),
        kind=SpanKind.CONSUMER,
        attributes={name: value for name, value in attributes.items() if value is not None},
        record_exception=False,  # its words may hold paths, and stand in the log
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
