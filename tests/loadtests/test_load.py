"""The load test counts what went wrong, and the HTTP bench's client counts what came back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from loadtests.budgets import BUDGETS, judge, read_goals
from loadtests.http_load import Target, ask, press
from loadtests.load import figures_of
from loadtests.servers import serving

_KINDS = ("submit", "status read", "list of jobs", "first event", "still, submit to picture", "list replicas", "no-op")


def rows(**changes: dict[str, str]) -> Any:
    row = {"Request Count": "10", "Failure Count": "0", "Requests/s": "3.5", "50%": "4", "95%": "9", "99%": "12"}
    return {name: {**row, **changes.get(name, {})} for name in (*_KINDS, "Aggregated")}


def missed(table: Any) -> set[str]:
    return {
        verdict.goal.figure for verdict in judge(read_goals("load", BUDGETS), figures_of(table)) if not verdict.held
    }


class TestFigures:
    def test_a_run_in_which_all_is_well_holds_its_goals(self) -> None:
        assert missed(rows()) == set()

    def test_one_failed_request_misses_a_goal(self) -> None:
        assert missed(rows(Aggregated={"Failure Count": "1"})) == {"failed"}

    def test_a_journey_that_nobody_went_misses_a_goal(self) -> None:
        table = rows()
        del table["first event"]
        assert missed(table) == {"idle"}

    def test_a_slow_status_read_misses_a_goal(self) -> None:
        assert missed(rows(**{"status read": {"50%": "400"}})) == {"status_over_noop"}


async def test_the_client_counts_each_answer_and_refuses_any_but_success(tmp_path: Path) -> None:
    with serving("loadtests.plain", path="/", log=tmp_path / "log", environment={}) as url:
        target = Target(server="plain", what="no-op", url=f"{url}/")
        taken = await ask(target, requests=25)
        assert len(taken) == 25
        assert all(each > 0 for each in taken)
        assert await press(target, connections=4, seconds=0.2) > 0
        async with asyncio.timeout(20):
            with pytest.raises((RuntimeError, ConnectionError)):
                await ask(Target(server="plain", what="nothing", url=f"{url}/nothing"), requests=1)
