"""The transition table and the end reasons agree with each other."""

from __future__ import annotations

import pytest

from jobs.errors import Conflict
from jobs.limits import FarmLimits
from jobs.states import (
    JOB_TRANSITIONS,
    REASONS,
    TERMINAL_JOB_STATES,
    EndReason,
    Fault,
    JobCommand,
    JobState,
    allowed_commands,
    next_state,
)


def test_every_command_and_every_reason_is_in_its_table() -> None:
    assert set(JOB_TRANSITIONS) == set(JobCommand)
    assert set(REASONS) == set(EndReason)


@pytest.mark.parametrize("state", sorted(TERMINAL_JOB_STATES))
def test_a_terminal_state_is_left_only_by_a_new_generation(state: JobState) -> None:
    assert set(allowed_commands(state)) <= {JobCommand.RETRY, JobCommand.REQUEUE}


@pytest.mark.parametrize("state", sorted(set(JobState) - TERMINAL_JOB_STATES))
def test_every_open_state_can_reach_an_end(state: JobState) -> None:
    reached, frontier = {state}, [state]
    while frontier:
        here = frontier.pop()
        for command in allowed_commands(here):
            there = next_state(here, command)
            if there not in reached:
                reached.add(there)
                frontier.append(there)
    assert reached & TERMINAL_JOB_STATES


def test_a_refused_command_names_the_state_and_what_is_allowed() -> None:
    with pytest.raises(Conflict) as refused:
        next_state(JobState.SUCCEEDED, JobCommand.CANCEL)
    assert "succeeded" in str(refused.value)
    assert refused.value.details == {"state": "succeeded", "allowed": ["requeue"]}


def test_only_a_fault_of_the_task_spends_a_try() -> None:
    limits = FarmLimits()
    assert limits.ceiling(Fault.TASK, tries=2) == 2
    assert limits.ceiling(Fault.WORKER, tries=2) == limits.worker_failures_per_frame
    assert limits.ceiling(Fault.INTERRUPTION, tries=2) is None
