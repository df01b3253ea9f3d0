"""Frames that have a result and are rendered again: those on a range of a later generation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.order import Order, position_of, runs_of

_MOST_STRETCHES = 1024
"""Stretches of positions asked for one by one, as many as the longest page has frames; of more: all between them."""


class Reopened:
    """Which results of a job count no more, because their frames wait to be rendered again."""

    def __init__(self, *, order: Order, total: int, runs: list[tuple[int, int, int]]) -> None:
        """``runs``: (generation, first position, count), sorted; within a generation they do not meet."""
        self._order = order
        self._total = total
        self._by_generation: dict[int, tuple[list[int], list[int]]] = {}
        for generation, first, count in runs:
            firsts, counts = self._by_generation.setdefault(generation, ([], []))
            firsts.append(first)
            counts.append(count)

    def __bool__(self) -> bool:
        return bool(self._by_generation)

    def holds(self, ordinal: int, generation: int) -> bool:
        """Whether the frame, whose last result is of ``generation``, is to be rendered again."""
        if not self._by_generation:
            return False
        position = position_of(self._order, self._total, ordinal)
        for asked_in, (firsts, counts) in self._by_generation.items():
            if asked_in > generation:
                place = bisect_right(firsts, position) - 1
                if place >= 0 and position < firsts[place] + counts[place]:
                    return True
        return False


async def read_reopened(
    tx: Transaction, *, job_id: UUID, generation: int, order: Order, total: int, ordinals: Iterable[int] | None = None
) -> Reopened:
    """Of a job in its first generation there are none, which costs no query.

    With ``ordinals`` the answer holds for these alone, and costs what they do, however many are rendered again.
    """
    runs: list[tuple[int, int, int]] = []
    if generation > 1:
        stretches = [(0, total)] if ordinals is None else _stretches(order, total, ordinals)
        found = await run(
            tx,
            "reopened_ranges",
            job_id=job_id,
            generation=generation,
            lows=[low for low, _ in stretches],
            beyonds=[beyond for _, beyond in stretches],
        )
        rows: Sequence[Any] = found.all()
        runs = [(row.generation, row.first, row.count) for row in rows]
    return Reopened(order=order, total=total, runs=runs)


def _stretches(order: Order, total: int, ordinals: Iterable[int]) -> list[tuple[int, int]]:
    """(first position, the one behind the last) of each stretch that these ordinals fill."""
    runs = list(runs_of(sorted({position_of(order, total, ordinal) for ordinal in ordinals})))
    if len(runs) > _MOST_STRETCHES:
        return [(runs[0][0], sum(runs[-1]))]
    return [(first, first + count) for first, count in runs]
