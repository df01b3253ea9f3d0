"""Frames that have a result and are rendered again: those on a range of a later generation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.order import Order, position_of


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


async def read_reopened(tx: Transaction, *, job_id: UUID, generation: int, order: Order, total: int) -> Reopened:
    """Of a job in its first generation there are none, which costs no query."""
    runs: list[tuple[int, int, int]] = []
    if generation > 1:
        rows: Sequence[Any] = (await run(tx, "reopened_ranges", job_id=job_id)).all()
        runs = [(row.generation, row.first, row.count) for row in rows]
    return Reopened(order=order, total=total, runs=runs)
