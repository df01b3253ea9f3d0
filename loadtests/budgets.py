"""Goals of the benches and whether a run's figures hold them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

BUDGETS = Path(__file__).with_name("budgets.toml")


class Bound(StrEnum):
    """On which side of its goal a value must lie."""

    AT_MOST = "at_most"
    AT_LEAST = "at_least"

    @property
    def sign(self) -> str:
        return "<=" if self is Bound.AT_MOST else ">="


class BadBudget(ValueError):
    """The file of goals does not say what it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What one figure should come to."""

    figure: str
    bound: Bound
    value: float
    unit: str
    says: str

    def holds(self, measured: float) -> bool:
        """NaN holds no goal."""
        return measured <= self.value if self.bound is Bound.AT_MOST else measured >= self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value."""

    case: str
    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A figure against its goal."""

    figure: Figure
    goal: Goal

    @property
    def held(self) -> bool:
        return self.goal.holds(self.figure.value)


def read_goals(bench: str, path: Path = BUDGETS) -> dict[str, Goal]:
    """The goals of one bench by figure."""
    tables = tomllib.loads(path.read_text(encoding="utf-8")).get(bench)
    if not isinstance(tables, dict) or not tables:
        raise BadBudget(f"{path.name} has no goals for the bench {bench!r}.")
    return {figure: _read_goal(f"{bench}.{figure}", figure, table) for figure, table in tables.items()}


def judge(goals: Mapping[str, Goal], figures: Iterable[Figure]) -> list[Verdict]:
    """Each figure that has a goal; one without is only shown."""
    return [Verdict(figure=figure, goal=goals[figure.name]) for figure in figures if figure.name in goals]


def unmeasured(goals: Mapping[str, Goal], verdicts: Sequence[Verdict]) -> list[Goal]:
    """Goals that this run did not touch."""
    met = {verdict.goal.figure for verdict in verdicts}
    return [goal for figure, goal in goals.items() if figure not in met]


def _read_goal(where: str, figure: str, table: object) -> Goal:
    bounds = [bound for bound in Bound if isinstance(table, dict) and bound.value in table]
    if not isinstance(table, dict) or len(bounds) != 1:
        raise BadBudget(f"[{where}] needs exactly one of at_most and at_least.")
    unknown = set(table) - {"at_most", "at_least", "unit", "says"}
    if unknown:
        raise BadBudget(f"[{where}] has unknown keys: {', '.join(sorted(unknown))}.")
    value = table[bounds[0].value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadBudget(f"[{where}] {bounds[0].value} is no number.")
    return Goal(
        figure=figure,
        bound=bounds[0],
        value=float(value),
        unit=str(table.get("unit", "")),
        says=str(table.get("says", "")),
    )
