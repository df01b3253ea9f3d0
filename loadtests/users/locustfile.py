"""All of them, for Locust."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from locust import User, events

from loadtests.users.artist import Artist
from loadtests.users.operator import Operator
from loadtests.users.program import Program
from loadtests.users.watcher import Watcher
from loadtests.users.yardstick import Yardstick

__all__ = ["Artist", "Operator", "Program", "Watcher", "Yardstick"]


def count_as_failed(user_instance: User, exception: Exception, tb: TracebackType, **_: Any) -> None:
    """A journey that ends with an error is a failure of the run; Locust itself only logs it."""
    user_instance.environment.events.request.fire(
        request_type="USER",
        name=type(user_instance).__name__,
        response_time=0.0,
        response_length=0,
        exception=exception,
        context={},
    )


events.user_error.add_listener(count_as_failed)  # type: ignore[no-untyped-call]
