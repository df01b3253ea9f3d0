"""What the rounds of a case came to: medians, ratios of things measured in turn, and the figures that have goals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.budgets import Figure

SHORT_FRAME_S = 1.0
"""Below it a farm is judged by the milliseconds that it adds, from it on by its share."""


CALM_SPREAD = 1.25
"""Slowest round of the bare loop over its quickest that still counts as calm. Chosen, not measured: far above the 3 %
that are to be told apart, far below what one more busy process does to two cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Seconds per frame, all measured within the same minute. NaN: not measured."""

    cold: float = math.nan
    """a"""
    openjd: float = math.nan
    """a', in the session alone"""
    openjd_command: float = math.nan
    """a' with the start of the command"""
    bare: float = math.nan
    """b"""
    host: float = math.nan
    """b through the farm's engine host"""
    farm: float = math.nan
    """c, from submit to the last commit"""
    farm_between_commits: float = math.nan
    """c, in mid-job"""
    farm_engine: float = math.nan
    """c, in the engine by its own clock"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """All rounds of one case."""

    case: str
    says: str
    block: int
    """Frames in a block of the loop and in a job of the farm."""
    rounds: list[Round]
    first_job_s: float = math.nan
    """The farm's first, cold job of one frame with this scene; not part of any ratio."""
    same_pixels: bool | None = None

    def middle(self, value: Callable[[Round], float]) -> float:
        """Median over the rounds that have it; NaN if none has."""
        return middle([value(each) for each in self.rounds])

    @property
    def notes(self) -> list[str]:
        """What a reader must know before believing the figures."""
        loop = [each.bare for each in self.rounds if not math.isnan(each.bare)]
        if len(loop) < 2 or max(loop) / min(loop) <= CALM_SPREAD:
            return []
        return [
            f"DISTURBED: the bare loop's rounds differ by {max(loop) / min(loop):.2f} x, so something else used the "
            "machine; run it again on a quiet one before judging the milliseconds."
        ]

    @property
    def figures(self) -> list[Figure]:
        """The figures of this case, goal or not; what was not measured is left out."""
        found = {
            "cold_over_bare": self.middle(lambda each: each.cold / each.bare),
            "openjd_over_bare": self.middle(lambda each: each.openjd / each.bare),
            "cold_over_farm": self.middle(lambda each: each.cold / each.farm),
            "openjd_over_farm": self.middle(lambda each: each.openjd / each.farm),
            "host_over_bare": self.middle(lambda each: each.host / each.bare),
            "farm_over_bare": self.middle(lambda each: each.farm / each.bare),
        }
        found["kept_of_warm"] = found["cold_over_farm"] / found["cold_over_bare"]
        if min((each.bare for each in self.rounds), default=math.nan) < SHORT_FRAME_S:  # least disturbed round
            found["over_bare_ms"] = self.middle(lambda each: (each.farm - each.bare) * 1000)
        else:
            found["over_bare_ratio"] = found["farm_over_bare"]
        if self.same_pixels is not None:
            found["same_pixels"] = float(self.same_pixels)
        return [
            Figure(case=self.case, name=name, value=value) for name, value in found.items() if not math.isnan(value)
        ]


def middle(values: Sequence[float]) -> float:
    """Median of what is not NaN."""
    known = [value for value in values if not math.isnan(value)]
    return median(known) if known else math.nan
