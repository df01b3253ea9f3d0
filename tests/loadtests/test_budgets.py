"""A bench that falls short says so."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from loadtests.budgets import BUDGETS, BadBudget, Bound, Figure, Goal, judge, read_goals, unmeasured


def goal(bound: Bound = Bound.AT_MOST, value: float = 12.0) -> Goal:
    return Goal(figure="over_bare_ms", bound=bound, value=value, unit="ms", says="")


def budget_file(folder: Path, text: str) -> Path:
    path = folder / "budgets.toml"
    path.write_text(text)
    return path


class TestGoal:
    def test_a_value_on_the_bound_holds(self) -> None:
        assert goal().holds(12.0)
        assert goal(Bound.AT_LEAST).holds(12.0)

    def test_a_value_beyond_the_bound_does_not_hold(self) -> None:
        assert not goal().holds(12.01)
        assert not goal(Bound.AT_LEAST).holds(11.99)

    def test_no_number_holds_no_goal(self) -> None:
        assert not goal().holds(math.nan)
        assert not goal(Bound.AT_LEAST).holds(math.nan)


class TestReadGoals:
    def test_the_committed_goals_of_the_render_bench_are_those_that_were_promised(self) -> None:
        goals = read_goals("render", BUDGETS)
        assert {name: (each.bound, each.value) for name, each in goals.items()} == {
            "over_bare_ratio": (Bound.AT_MOST, 1.03),
            "over_bare_ms": (Bound.AT_MOST, 12.0),
            "kept_of_warm": (Bound.AT_LEAST, 0.85),
            "same_pixels": (Bound.AT_LEAST, 1.0),
        }

    def test_a_bench_without_goals_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadBudget, match="no goals for the bench 'api'"):
            read_goals("api", budget_file(tmp_path, "[render.x]\nat_most = 1\n"))

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("[render.x]\nunit = 'ms'\n", "exactly one"),
            ("[render.x]\nat_most = 1\nat_least = 1\n", "exactly one"),
            ("[render]\nx = 3\n", "exactly one"),
            ("[render.x]\nat_most = 'few'\n", "no number"),
            ("[render.x]\nat_most = true\n", "no number"),
            ("[render.x]\nat_most = 1\nat_mots = 2\n", "unknown keys: at_mots"),
        ],
    )
    def test_a_goal_that_would_never_be_judged_is_refused(self, tmp_path: Path, text: str, says: str) -> None:
        with pytest.raises(BadBudget, match=says):
            read_goals("render", budget_file(tmp_path, text))


class TestJudge:
    def test_each_case_of_a_figure_is_judged_and_a_figure_without_a_goal_is_not(self) -> None:
        figures = [
            Figure(case="tiny", name="over_bare_ms", value=3.0),
            Figure(case="heavy", name="over_bare_ms", value=30.0),
            Figure(case="heavy", name="cold_over_bare", value=9.0),
        ]
        verdicts = judge({"over_bare_ms": goal()}, figures)
        assert [(each.figure.case, each.held) for each in verdicts] == [("tiny", True), ("heavy", False)]

    def test_goals_that_the_run_did_not_touch_are_named(self) -> None:
        goals = {"over_bare_ms": goal(), "over_bare_ratio": goal()}
        verdicts = judge(goals, [Figure(case="tiny", name="over_bare_ms", value=3.0)])
        assert unmeasured(goals, verdicts) == [goals["over_bare_ratio"]]
