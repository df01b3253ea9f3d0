"""Stretches of the order of hand-out are what one position after the other gives."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.ids import new_id
from jobs.order import SCOUTS, Order, ordinal_at, ordinals_at, runs_at


@given(order=st.sampled_from(list(Order)), total=st.integers(1, 400), data=st.data())
def test_a_stretch_of_positions_is_what_each_position_gives(order: Order, total: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, total))
    count = data.draw(st.integers(0, total - first))
    assert ordinals_at(order, total, first, count) == [ordinal_at(order, total, first + n) for n in range(count)]


@pytest.mark.parametrize("order", list(Order))
def test_a_million_positions_are_a_handful_of_ranges(order: Order) -> None:
    runs = runs_at(order, 1_000_000, 0, 1_000_000)
    assert len(runs) <= 2 * SCOUTS
    assert sum(len(run) for run in runs) == 1_000_000


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (9, 2), (0, 11), (3, -1)])
def test_positions_that_are_not_there_are_refused(first: int, count: int) -> None:
    with pytest.raises(IndexError):
        runs_at(Order.SCOUT, 10, first, count)


def test_ids_made_later_sort_behind_those_made_before_and_say_that_they_are_version_7() -> None:
    early = [new_id() for _ in range(50)]
    before = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 == before:
        pass
    late = [new_id() for _ in range(50)]
    assert max(early) < min(late)
    assert {(made.version, made.variant) for made in early} == {(7, "specified in RFC 4122")}
    assert len({*early, *late}) == 100
