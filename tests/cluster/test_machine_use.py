"""What counts as use of a machine: keys, sessions, and processes that are not the farm's engines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cluster.machine_use import MachineUse, Reading, idle_of_session, read_machine


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def use_of(clock: Clock) -> MachineUse:
    return MachineUse(every=timedelta(seconds=10), busy_cpu=0.2, clock=clock, cores=4)


def quiet_s(use: MachineUse) -> float:
    return float(use.as_json()["machine"]["quiet_s"])


def look(clock: Clock, use: MachineUse, *, after: float, idle: float | None = None, cpu: float) -> float:
    clock.now += after
    use.note(Reading(input_idle_s=idle, cpu_s=cpu, sessions=0 if idle is None else 1))
    return quiet_s(use)


def test_nothing_is_told_before_the_first_look_and_the_start_counts_as_use() -> None:
    clock = Clock()
    use = use_of(clock)
    assert use.as_json() == {}
    assert look(clock, use, after=30, cpu=0) == 30


def test_input_begins_the_quiet_anew_at_the_moment_of_the_last_key() -> None:
    clock = Clock()
    use = use_of(clock)
    assert look(clock, use, after=600, idle=500, cpu=0) == 500
    assert look(clock, use, after=10, idle=3, cpu=0) == 3
    assert look(clock, use, after=10, idle=None, cpu=0) == 13  # logged out


def test_processor_time_of_others_is_use_from_the_limit_on() -> None:
    clock = Clock()
    use = use_of(clock)
    look(clock, use, after=100, cpu=50.0)
    assert look(clock, use, after=10, cpu=57.9) == 110  # 0.1975 of four cores
    assert look(clock, use, after=10, cpu=66.0) == 0
    assert look(clock, use, after=10, cpu=66.1) == 10


@pytest.mark.parametrize(
    ("properties", "idle"),
    [
        ("Type=wayland\nClass=user\nState=active\nIdleHint=yes\nIdleSinceHint=40000000\n", 60.0),
        ("Type=x11\nClass=user\nState=active\nIdleHint=no\nIdleSinceHint=40000000\n", 0.0),
        ("Type=x11\nClass=user\nState=online\nIdleHint=no\nIdleSinceHint=0\n", 0.0),
        ("Type=x11\nClass=greeter\nState=active\nIdleHint=no\nIdleSinceHint=0\n", None),
        ("Type=tty\nClass=user\nState=active\nIdleHint=no\nIdleSinceHint=0\n", None),
        ("Type=wayland\nClass=user\nState=closing\nIdleHint=no\nIdleSinceHint=0\n", None),
        ("", None),
    ],
)
def test_sessions_are_idle_as_their_desktop_says(properties: str, idle: float | None) -> None:
    assert idle_of_session(properties, now_us=100_000_000) == idle


def test_this_machine_can_be_read() -> None:
    first, second = read_machine(), read_machine()
    assert second.cpu_s >= first.cpu_s > 0
    assert first.input_idle_s is None or first.input_idle_s >= 0
