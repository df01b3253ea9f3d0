"""What the bench of the web app reads from a trace."""

from __future__ import annotations

from typing import Any

import pytest

from loadtests.bench_web import longest_task_ms

MAIN = {"name": "thread_name", "pid": 7, "tid": 1, "ph": "M", "args": {"name": "CrRendererMain"}}


def task(tid: int, ms: float) -> dict[str, Any]:
    return {"name": "RunTask", "pid": 7, "tid": tid, "ph": "X", "dur": ms * 1000, "args": {}}


def test_the_longest_task_is_one_of_the_pages_main_thread_and_no_other() -> None:
    assert longest_task_ms([MAIN, task(1, 20), task(1, 31), task(2, 400)]) == 31


def test_a_trace_without_the_main_thread_is_no_good_news() -> None:
    with pytest.raises(ValueError, match="no task"):
        longest_task_ms([task(2, 1)])
