"""Settings of traces, each with its unit and the reason for its value."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Annotated

from pydantic import Field, HttpUrl
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings

_STANDARD = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class TracingSettings(FarmSettings):
    """Read from ``RAYFARM_TRACING_*``. The variables of OpenTelemetry (``OTEL_*``) hold beside them, for headers,
    certificates, batches and what else the exporter knows."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_TRACING_", frozen=True)

    endpoint: HttpUrl | None = None
    """Collector that takes OTLP over HTTP, for example http://127.0.0.1:4318; `/v1/traces` is added. None: where
    `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` says; without any, no span is made."""

    ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Part of the traces that begin in the farm which are kept; a caller with a key who sends `traceparent` has decided
    for his. A farm gets thousands of status reads for each job: lower it where the collector is paid by the span.
    `OTEL_TRACES_SAMPLER` replaces it."""

    frames_per_job: Annotated[int, Field(ge=1)] = 100
    """Frames of one job that have spans, spread evenly over it; each has up to ten with its chunk's. A film of 100,000
    frames would else be a trace that no viewer opens."""

    flush_timeout: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=2)
    """Longest that a process which is about to end waits for the collector; spans that it does not take are lost."""

    @property
    def on(self) -> bool:
        """Whether anything is exported."""
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return False
        if os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none":
            return False
        return self.endpoint is not None or any(os.environ.get(name) for name in _STANDARD)
