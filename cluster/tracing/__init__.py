"""One trace from the request to the last file: contexts travel in rows and task arguments (W3C Trace Context)."""

from cluster.tracing.chunks import ChunkTrace, HandOuts, ids_of_chunk, trace_committed, trace_failed
from cluster.tracing.context import caller_is_known, context_of, current_traceparent, ids_in, task_span, whole_span
from cluster.tracing.provider import flush_spans, serve_span_processors, start_tracing
from cluster.tracing.settings import TracingSettings

__all__ = [
    "ChunkTrace",
    "HandOuts",
    "TracingSettings",
    "caller_is_known",
    "context_of",
    "current_traceparent",
    "flush_spans",
    "ids_in",
    "ids_of_chunk",
    "serve_span_processors",
    "start_tracing",
    "task_span",
    "trace_committed",
    "trace_failed",
    "whole_span",
]
