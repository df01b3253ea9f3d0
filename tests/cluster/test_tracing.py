"""Which spans are kept, and how many a job may have. The whole way is in ``test_observed_farm.py``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Tracer

from cluster.tracing import TracingSettings, context_of, serve_span_processors, start_tracing
from cluster.tracing.context import CALLER, has_spans, ids_in, traceparent_of
from cluster.tracing.provider import WithoutStrangers

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


@given(total=st.integers(1, 2_000_000), most=st.integers(1, 500))
def test_no_job_has_spans_of_more_frames_than_are_allowed_and_each_has_some(total: int, most: int) -> None:
    stride = max(1, -(-total // most))
    chosen = len(range(0, total, stride))
    assert 1 <= chosen <= most
    edge = {0, total - 1, min(total - 1, stride), min(total - 1, stride - 1)}
    assert {one for one in edge if has_spans(one, total=total, frames_per_job=most)} == {
        one for one in edge if one in range(0, total, stride)
    }


class TestStrangers:
    @pytest.fixture
    def kept(self) -> InMemorySpanExporter:
        return InMemorySpanExporter()

    @pytest.fixture
    def tracer(self, kept: InMemorySpanExporter) -> Tracer:
        provider = TracerProvider()
        provider.add_span_processor(WithoutStrangers(SimpleSpanProcessor(kept)))
        return provider.get_tracer("test")

    def test_who_brings_a_context_and_no_key_leaves_no_span(self, tracer: Tracer, kept: InMemorySpanExporter) -> None:
        tracer.start_span("GET /v1/jobs", context_of(PARENT), kind=SpanKind.SERVER).end()
        assert not kept.get_finished_spans()

    def test_a_known_caller_goes_on_with_his_own_trace(self, tracer: Tracer, kept: InMemorySpanExporter) -> None:
        span = tracer.start_span("POST /v1/jobs", context_of(PARENT), kind=SpanKind.SERVER)
        span.set_attribute(CALLER, "key")
        span.end()
        [found] = kept.get_finished_spans()
        assert f"{found.context.trace_id:032x}" == "a" * 32

    def test_a_request_without_a_context_and_work_behind_a_row_are_kept(
        self, tracer: Tracer, kept: InMemorySpanExporter
    ) -> None:
        tracer.start_span("GET /v1/jobs", kind=SpanKind.SERVER).end()
        tracer.start_span("chunk.render", context_of(PARENT), kind=SpanKind.CONSUMER).end()
        assert [span.name for span in kept.get_finished_spans()] == ["GET /v1/jobs", "chunk.render"]


class TestContext:
    def test_a_context_comes_back_from_its_row_as_it_went(self) -> None:
        assert traceparent_of(context_of(PARENT)) == PARENT
        assert ids_in(PARENT) == {"trace_id": "a" * 32}

    @pytest.mark.parametrize("bad", [None, "", "nonsense", f"00-{'0' * 32}-{'b' * 16}-01"])
    def test_what_is_no_context_is_in_no_trace(self, bad: str | None) -> None:
        assert traceparent_of(context_of(bad)) is None
        assert ids_in(bad) == {}


class TestOff:
    @pytest.fixture(autouse=True)
    def nothing_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "RAYFARM_TRACING_ENDPOINT"):
            monkeypatch.delenv(name, raising=False)

    def test_without_a_collector_no_exporter_is_made(self) -> None:
        assert not start_tracing("rayfarm-test")
        assert serve_span_processors() == []

    @pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
    def test_the_standard_variables_turn_it_on(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, "http://127.0.0.1:4318")
        assert TracingSettings().on

    @pytest.mark.parametrize(("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")])
    def test_the_standard_variables_turn_it_off(self, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAYFARM_TRACING_ENDPOINT", "http://127.0.0.1:4318")
        assert TracingSettings().on
        monkeypatch.setenv(name, value)
        assert not TracingSettings().on
