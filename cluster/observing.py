"""What each process of the farm does first: say what it does in logs, and in spans where those are wanted."""

from __future__ import annotations

from cluster.logs import configure_logging
from cluster.tracing import start_tracing


def observe_process(service: str) -> None:
    """``service``: the process's name among the spans, for example ``rayfarm-dispatcher``."""
    configure_logging()
    start_tracing(service)
