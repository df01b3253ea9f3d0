"""Hours of machines: days, nights that go over midnight, the two hours of a year that clocks skip or repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from jobs.schedules import Schedule, Window, rest_of

BERLIN = "Europe/Berlin"
NIGHTS = Window(days=("mon", "tue", "wed", "thu", "fri"), begin="20:00", end="08:00")


def schedule(**wishes: Any) -> Schedule:
    return Schedule(**{"node": "ws1", "time_zone": BERLIN, **wishes})


def may(it: Schedule, now: datetime, quiet: timedelta | None = timedelta(hours=9)) -> bool:
    return rest_of([("s", it)], now=now, quiet=quiet) is None


def berlin(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN), fold=fold)


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        ("2026-11-27T19:59", False),  # a Friday
        ("2026-11-27T20:00", True),
        ("2026-11-28T07:59", True),  # Friday's night goes on into Saturday
        ("2026-11-28T08:00", False),
        ("2026-11-28T21:00", False),  # none begins on a Saturday
        ("2026-11-30T03:00", False),  # nor on a Sunday
        ("2026-11-30T20:30", True),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, allowed: bool) -> None:
    assert may(schedule(windows=[NIGHTS]), berlin(moment)) is allowed


def test_hours_are_those_of_the_time_zone_and_not_of_the_farm() -> None:
    it = schedule(windows=[Window(begin="20:00", end="08:00")])
    assert may(it, datetime(2026, 7, 1, 18, 30, tzinfo=UTC))  # 20:30 in summer
    assert not may(it, datetime(2026, 1, 1, 18, 30, tzinfo=UTC))  # 19:30 in winter


class TestClocksThatChange:
    """On 2026-03-29 Berlin goes from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00."""

    def test_a_window_that_begins_in_the_missing_hour_begins_when_clocks_have_jumped(self) -> None:
        it = schedule(windows=[Window(begin="02:30", end="06:00")])
        assert not may(it, datetime(2026, 3, 29, 0, 59, tzinfo=UTC))  # 01:59
        assert may(it, datetime(2026, 3, 29, 1, 0, tzinfo=UTC))  # 03:00

    def test_a_window_that_ends_in_the_missing_hour_has_ended_when_clocks_have_jumped(self) -> None:
        it = schedule(windows=[Window(begin="22:00", end="02:30")])
        assert may(it, datetime(2026, 3, 29, 0, 59, tzinfo=UTC))
        assert not may(it, datetime(2026, 3, 29, 1, 0, tzinfo=UTC))

    def test_the_repeated_hour_is_inside_both_times(self) -> None:
        it = schedule(windows=[Window(begin="02:15", end="02:45")])
        assert may(it, berlin("2026-10-25T02:30"))
        assert may(it, berlin("2026-10-25T02:30", fold=1))
        assert not may(it, berlin("2026-10-25T02:50"))
        assert not may(it, berlin("2026-10-25T02:10", fold=1))

    def test_a_night_lasts_an_hour_more_or_less(self) -> None:
        it = schedule(windows=[Window(begin="20:00", end="08:00")])

        def minutes(begin: datetime) -> int:
            return sum(may(it, begin + timedelta(minutes=each)) for each in range(18 * 60))

        assert minutes(datetime(2026, 3, 28, 17, 0, tzinfo=UTC)) == 11 * 60
        assert minutes(datetime(2026, 10, 24, 17, 0, tzinfo=UTC)) == 13 * 60
        assert minutes(datetime(2026, 6, 1, 17, 0, tzinfo=UTC)) == 12 * 60


class TestOnlyWhenIdle:
    def test_a_workstation_renders_once_nobody_has_used_it_for_the_minutes(self) -> None:
        it = schedule(only_when_idle_min=15)
        now = datetime(2026, 1, 1, tzinfo=UTC)
        assert not may(it, now, timedelta(minutes=14, seconds=59))
        assert may(it, now, timedelta(minutes=15))

    def test_one_that_has_not_told_counts_as_in_use(self) -> None:
        assert not may(schedule(only_when_idle_min=1), datetime(2026, 1, 1, tzinfo=UTC), None)
        assert may(schedule(), datetime(2026, 1, 1, tzinfo=UTC), None)

    def test_hours_and_use_must_both_allow_it(self) -> None:
        it = schedule(windows=[NIGHTS], only_when_idle_min=15)
        assert not may(it, berlin("2026-11-27T12:00"), timedelta(hours=2))
        assert not may(it, berlin("2026-11-27T23:00"), timedelta(minutes=2))
        assert may(it, berlin("2026-11-27T23:00"), timedelta(hours=2))


def test_of_several_schedules_each_must_allow_it_and_each_that_does_not_is_named() -> None:
    day = schedule(windows=[Window(begin="08:00", end="20:00")])
    idle = schedule(only_when_idle_min=10, give_back=True)
    rest = rest_of([("day", day), ("idle", idle)], now=berlin("2026-11-27T22:00"), quiet=timedelta(0))
    assert rest is not None
    assert "Schedule day: it renders 08:00-20:00 (Europe/Berlin)." in rest.reason
    assert "Schedule idle: it renders once nobody has used it for 10 min." in rest.reason
    assert rest.give_back
    off = idle.model_copy(update={"enabled": False})
    assert rest_of([("idle", off)], now=berlin("2026-11-27T22:00"), quiet=timedelta(0)) is None


def test_labels_choose_machines_by_one_replica_that_has_them_all() -> None:
    it = Schedule(labels={"room": "lab", "device": "gpu"})
    assert it.covers(node="n", labels=[{}, {"room": "lab", "device": "gpu", "other": "x"}])
    assert not it.covers(node="n", labels=[{"room": "lab"}, {"device": "gpu"}])
    assert schedule().covers(node="ws1", labels=[])
    assert not schedule().covers(node="ws2", labels=[])


@pytest.mark.parametrize(
    "wishes",
    [
        {"node": None},
        {"labels": {"a": "b"}},
        {"time_zone": "Europe/Nowhere"},
        {"time_zone": "../etc/passwd"},
        {"windows": [{"begin": "24:00"}]},
        {"windows": [{"begin": "8:00"}]},
        {"windows": [{"days": ["monday"]}]},
        {"windows": [{"days": []}]},
        {"only_when_idle_min": 0},
    ],
)
def test_what_means_nothing_is_refused(wishes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        schedule(**wishes)
