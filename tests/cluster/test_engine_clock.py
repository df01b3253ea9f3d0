"""What a replica takes for a frame's time, whatever the engine says of it."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.flights import EngineClock


def clock_at(*answers: float) -> EngineClock:
    """One that is told of answers at these seconds."""
    times: Iterator[float] = iter(answers)
    return EngineClock(now=lambda: next(times))


def test_a_frames_time_begins_where_the_one_before_it_on_the_engine_ended() -> None:
    """Both are asked for at once: the second waits in the engine meanwhile, which is nobody's time."""
    clock = clock_at(11.0, 14.0)
    assert [clock.answered_ms(asked_at=10.0), clock.answered_ms(asked_at=10.0)] == [1000.0, 3000.0]


def test_an_engine_that_waits_to_be_asked_costs_nothing() -> None:
    clock = clock_at(11.0, 31.0)
    assert [clock.answered_ms(asked_at=10.0), clock.answered_ms(asked_at=30.0)] == [1000.0, 1000.0]


def test_answers_in_another_order_hide_no_time() -> None:
    clock = clock_at(19.0, 20.0)
    assert sum(clock.answered_ms(asked_at) for asked_at in (12.0, 10.0)) == 8000.0
