"""When a machine may render: weekly hours in a time zone, and only while nobody uses it. Pure: the clock is given.

Hours are wall-clock time, as people mean them. Where clocks go forward a window that begins in the missing hour begins
when they have jumped; where they go back the repeated hour is inside both times, or outside both times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_WINDOWS = 50
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


def _day(name: str) -> str:
    if name not in DAYS:
        raise ValueError(f"is none of {', '.join(DAYS)}")
    return name


def _clock(text: str) -> str:
    if _CLOCK.fullmatch(text) is None:
        raise ValueError("is no time of day such as 08:30; 24:00 is the end of a day")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone of the IANA database, such as Europe/Berlin") from None
    return name


Day = Annotated[str, AfterValidator(_day)]
ClockTime = Annotated[str, Field(max_length=5, examples=["18:00"]), AfterValidator(_clock)]
TimeZone = Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), AfterValidator(_zone)]


class Window(BaseModel):
    """Hours of some days of the week; those that end before they begin go on into the next day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: tuple[Day, ...] = Field(
        DAYS, fail_fast=True, min_length=1, max_length=7, description="On which they begin: mon … sun."
    )
    begin: ClockTime = Field("00:00", description="Wall-clock time.")
    end: ClockTime = Field("24:00", description="Wall-clock time; not after `begin`: on the next day.")

    @model_validator(mode="after")
    def _begins_within_a_day(self) -> Self:
        if self.begin == "24:00":
            raise ValueError("a window begins at 23:59 or earlier")
        return self

    def holds(self, local: datetime) -> bool:
        """Whether this wall-clock time is inside."""
        minute, today = local.hour * 60 + local.minute, DAYS[local.weekday()]
        yesterday = DAYS[(local.weekday() - 1) % 7]
        begin, end = _minutes(self.begin), _minutes(self.end)
        if begin < end:
            return today in self.days and begin <= minute < end
        return (today in self.days and minute >= begin) or (yesterday in self.days and minute < end)

    def __str__(self) -> str:
        days = "" if set(self.days) == set(DAYS) else f"{','.join(self.days)} "
        return f"{days}{self.begin}-{self.end}"


class Schedule(BaseModel):
    """When the machines that it is for may render."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    node: str | None = Field(None, min_length=1, max_length=255, description="The machine of this name.")
    labels: dict[str, str] = Field(
        default_factory=dict, max_length=16, description="Or machines whose replicas have all of these labels."
    )
    time_zone: TimeZone = "UTC"
    windows: tuple[Window, ...] = Field(
        (), fail_fast=True, max_length=MAX_WINDOWS, description="Hours in which they render; none: at any time."
    )
    only_when_idle_min: StrictInt | None = Field(
        None, ge=1, le=24 * 60, description="Minutes without use by people before they render; null: in use as well."
    )
    give_back: StrictBool = Field(
        False,
        description="At the end: true gives back the frame that renders, and ends the engines; false lets it finish.",
    )
    enabled: StrictBool = True

    @model_validator(mode="after")
    def _is_for_somebody(self) -> Self:
        if (self.node is None) == (not self.labels):
            raise ValueError("a schedule is for the machine `node`, or for those with `labels`: name one of the two")
        return self

    def covers(self, *, node: str, labels: Iterable[Mapping[str, str]]) -> bool:
        """Whether it is for a machine with replicas of these labels."""
        if self.node is not None:
            return self.node == node
        return any(self.labels.items() <= each.items() for each in labels)


class Rest(BaseModel):
    """A machine shall not render now."""

    model_config = ConfigDict(frozen=True)

    reason: str
    """For people: shown with the machine."""
    give_back: bool


def rest_of(schedules: Sequence[tuple[str, Schedule]], *, now: datetime, quiet: timedelta | None) -> Rest | None:
    """Why a machine with these (name, schedule) shall not render; None: it may. Every one of them must allow it.

    ``now`` is aware. ``quiet``: since when nobody uses the machine; None: it has not told, and counts as in use.
    """
    reasons: list[str] = []
    give_back = False
    for name, schedule in schedules:
        if schedule.enabled and (why := _why_not(schedule, now, quiet)) is not None:
            reasons.append(f"Schedule {name}: {why}")
            give_back = give_back or schedule.give_back
    return Rest(reason=" ".join(reasons), give_back=give_back) if reasons else None


def _why_not(schedule: Schedule, now: datetime, quiet: timedelta | None) -> str | None:
    local = now.astimezone(ZoneInfo(schedule.time_zone))
    if schedule.windows and not any(window.holds(local) for window in schedule.windows):
        hours = "; ".join(map(str, schedule.windows))
        return f"it renders {hours} ({schedule.time_zone})."
    wanted = schedule.only_when_idle_min
    if wanted is not None and (quiet is None or quiet < timedelta(minutes=wanted)):
        return f"it renders once nobody has used it for {wanted} min."
    return None


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
