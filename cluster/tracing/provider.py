"""The exporter of a process: OTLP over HTTP, made in the process that uses it, and none where nothing is set.

Ray Serve sets a tracer provider of its own before any code of ours where ``RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH`` is
set (``cluster.tracing:serve_span_processors`` makes it export to the same place); the first provider wins, so none is
set then. https://opentelemetry.io/docs/specs/otel/protocol/exporter/ names the variables.
"""

from __future__ import annotations

import os
from importlib import metadata

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from cluster.tracing.context import CALLER
from cluster.tracing.settings import TracingSettings


def start_tracing(service: str, settings: TracingSettings | None = None) -> bool:
    """Export the spans of this process under the name ``service``; whether it does. Costs nothing where it is off."""
    settings = settings or TracingSettings()
    if not settings.on:
        return False
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        by_the_standard = "OTEL_TRACES_SAMPLER" in os.environ
        provider = TracerProvider(
            sampler=None if by_the_standard else ParentBased(root=TraceIdRatioBased(settings.ratio)),
            resource=_resource(service),
        )
        for processor in serve_span_processors(settings):
            provider.add_span_processor(processor)
        trace.set_tracer_provider(provider)
    return True


def serve_span_processors(settings: TracingSettings | None = None) -> list[SpanProcessor]:
    """What sends spans away; none where tracing is off."""
    settings = settings or TracingSettings()
    if not settings.on:
        return []
    endpoint = f"{str(settings.endpoint).rstrip('/')}/v1/traces" if settings.endpoint is not None else None
    return [WithoutStrangers(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))]


def flush_spans(settings: TracingSettings | None = None) -> None:
    """Send what waits, for a process that may be ended any moment."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        timeout = (settings or TracingSettings()).flush_timeout
        provider.force_flush(round(timeout.total_seconds() * 1000))


class WithoutStrangers(SpanProcessor):
    """Drops the span of a request that came with a ``traceparent`` and without a key that the farm knows.

    Whether a caller is known is found out within the request, and a sampler decides before: so whoever sends a
    ``traceparent`` with the sampled flag gets a span, and only that of a known caller is kept. Strangers can neither
    fill the collector nor write into others' traces.
    """

    def __init__(self, inner: SpanProcessor) -> None:
        self._inner = inner

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._inner.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        parent = span.parent
        asked_from_outside = span.kind is trace.SpanKind.SERVER and parent is not None and parent.is_remote
        if not asked_from_outside or CALLER in (span.attributes or {}):
            self._inner.on_end(span)

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def _resource(service: str) -> Resource:
    own = {"service.name": service, "service.namespace": "rayfarm", "service.version": metadata.version("rayfarm")}
    said = OTELResourceDetector().detect().attributes  # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
    return Resource.create({**own, **said})
