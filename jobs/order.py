"""The order in which a job's ordinals are handed out.

The queue stores *positions* (0 is handed out first); a position maps to an ordinal by arithmetic, so that a range of
a million frames stays one row.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache

SCOUTS = 9
"""Frames that a scout order spreads over the range before it goes on from the start."""


class Order(StrEnum):
    SCOUT = "scout"
    """First, last, middle, then halves of halves; an error anywhere shows early."""
    SEQUENTIAL = "sequential"
    REVERSE = "reverse"


def ordinal_at(order: Order, total: int, position: int) -> int:
    """The ordinal handed out at ``position``; a bijection on ``range(total)``."""
    if not 0 <= position < total:
        raise IndexError(position)
    if order is Order.REVERSE:
        return total - 1 - position
    if order is Order.SEQUENTIAL:
        return position
    scouts, in_order = _scouts(total)
    if position < len(scouts):
        return scouts[position]
    # The k-th ordinal that is no scout: k plus the scouts at or below it.
    rest = position - len(scouts)
    gaps = tuple(scout - index for index, scout in enumerate(in_order))
    return rest + bisect_right(gaps, rest)


def ordinals_at(order: Order, total: int, first: int, count: int) -> list[int]:
    """Ordinals of ``count`` positions from ``first``, by arithmetic on whole stretches (a chunk is carved of them)."""
    return [ordinal for run in runs_at(order, total, first, count) for ordinal in run]


def runs_at(order: Order, total: int, first: int, count: int) -> list[range]:
    """The same as ranges: at most a few more than there are scouts, however many positions."""
    beyond = first + count
    if count < 0 or first < 0 or beyond > total:
        raise IndexError(beyond - 1)
    if order is Order.REVERSE:
        return [range(total - 1 - first, total - 1 - beyond, -1)] if count else []
    if order is Order.SEQUENTIAL:
        return [range(first, beyond)] if count else []
    scouts, in_order = _scouts(total)
    runs = [range(scout, scout + 1) for scout in scouts[first:beyond]]
    first, beyond = max(first, len(scouts)), max(beyond, len(scouts))
    while first < beyond:
        low = ordinal_at(order, total, first)
        next_scout = bisect_right(in_order, low)
        high = in_order[next_scout] if next_scout < len(in_order) else total
        length = min(beyond - first, high - low)
        runs.append(range(low, low + length))
        first += length
    return runs


def position_of(order: Order, total: int, ordinal: int) -> int:
    """Where in the order of hand-out an ordinal stands: the inverse of ``ordinal_at``."""
    if not 0 <= ordinal < total:
        raise IndexError(ordinal)
    if order is Order.REVERSE:
        return total - 1 - ordinal
    if order is Order.SEQUENTIAL:
        return ordinal
    scouts, in_order = _scouts(total)
    below = bisect_left(in_order, ordinal)
    if below < len(in_order) and in_order[below] == ordinal:
        return scouts.index(ordinal)
    return len(scouts) + ordinal - below


def runs_of(positions: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, count) of each run of consecutive numbers among ``positions``, which are sorted and distinct."""
    first = count = 0
    for position in positions:
        if count and position == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = position, 1
    if count:
        yield first, count


@lru_cache(maxsize=1024)
def _scouts(total: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Scout ordinals in hand-out order, and sorted."""
    picked: dict[int, None] = {}
    if total:
        picked[0] = None
        picked[total - 1] = None
    spans = deque([(0, total - 1)])
    while spans and len(picked) < min(SCOUTS, total):
        low, high = spans.popleft()
        if high - low < 2:
            continue
        middle = (low + high) // 2
        picked[middle] = None
        spans.extend(((low, middle), (middle, high)))
    return tuple(picked), tuple(sorted(picked))
