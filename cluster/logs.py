"""Structured logs of every process of the farm: one JSON object a line on stderr, where Ray keeps them.

Each line carries the ids of what the process is at: request, job, work, frame and attempt where they are bound, and
the trace. What other libraries log comes the same way. Nothing that looks like a secret is written.
"""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from typing import TextIO

import structlog
from opentelemetry import trace
from pydantic import ByteSize
from pydantic_settings import SettingsConfigDict
from structlog.typing import EventDict, Processor, WrappedLogger

from cluster.redaction import redact
from jobs.settings import FarmSettings


class LogFormat(StrEnum):
    """How a line looks."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogSettings(FarmSettings):
    """Read from ``RAYFARM_LOG_*``."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_LOG_", frozen=True)

    format: LogFormat = LogFormat.AUTO
    """`json`: one object a line. `console`: for people, in colour. `auto`: `console` on a terminal, else `json`."""

    level: LogLevel = LogLevel.INFO
    """`debug`, `info`, `warning` or `error`. Of other libraries only warnings and worse, whatever it says."""

    engine_bytes: ByteSize = ByteSize(4096)
    """How much of what an engine printed for a frame its line in the log holds, from the end; 0: none. All that is
    kept of it stands with the attempt (`rayfarm logs JOB`)."""


def configure_logging(
    level: int | None = None, *, settings: LogSettings | None = None, file: TextIO | None = None
) -> None:
    """Every process of the farm calls this once, first. ``level``: instead of the setting's; ``file``: instead of
    stderr."""
    settings = settings or LogSettings()
    lowest = level if level is not None else logging.getLevelNamesMapping()[settings.level.upper()]
    target = file or sys.stderr
    shown = settings.format
    if shown is LogFormat.AUTO:
        shown = LogFormat.CONSOLE if target.isatty() else LogFormat.JSON
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
    ]
    last: list[Processor] = [redact, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    if shown is LogFormat.JSON:
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        last = [
            structlog.processors.ExceptionRenderer(tracebacks),
            redact,
            structlog.processors.JSONRenderer(default=str),
        ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(file=target),
        cache_logger_on_first_use=True,
    )
    _take_over_libraries(target, shared, last, max(lowest, logging.WARNING))


def add_trace(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """The ids of the running span; a ``trace_id`` that is bound already, from a row, stays."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event.setdefault("trace_id", trace.format_trace_id(span.trace_id))
        event["span_id"] = trace.format_span_id(span.span_id)
    return event


def _take_over_libraries(target: TextIO, shared: list[Processor], last: list[Processor], level: int) -> None:
    """What they log through Python's own logging; loggers that bring their own handlers (Ray's) are left alone."""
    handler = logging.StreamHandler(target)
    handler.setLevel(level)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if getattr(each, "is_rayfarm", False)]:
        root.removeHandler(old)
    handler.is_rayfarm = True  # type: ignore[attr-defined]  # so that a second call replaces it
    root.addHandler(handler)
