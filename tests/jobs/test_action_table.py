"""Actions on frames: the table is whole, a selection is found, a refusal names what refuses."""

from __future__ import annotations

import pytest

from jobs.errors import InvalidInput
from jobs.frame_actions import FRAME_ACTIONS, Effect, FrameAction, ordinals_in, refuse_frames
from jobs.frames import FrameRange
from jobs.order import Order, ordinal_at, position_of, runs_of
from jobs.states import FrameState


def test_every_action_is_in_the_table_and_none_touches_a_frame_under_way() -> None:
    assert set(FRAME_ACTIONS) == set(FrameAction)
    for moves in FRAME_ACTIONS.values():
        for state in (FrameState.LEASED, FrameState.RENDERING):
            assert moves.get(state, Effect.NOTHING) is Effect.NOTHING


@pytest.mark.parametrize("text", ["1-10", "10-1", "1-19:2,2-20:2", ",".join(str(n * n) for n in range(1, 40))])
def test_a_selection_is_found_in_any_range(text: str) -> None:
    frames = FrameRange.parse(text)
    wanted = [frames[3], frames[0], frames[len(frames) - 1]]
    assert ordinals_in(frames, ",".join(map(str, wanted))) == [0, 3, len(frames) - 1]


def test_a_frame_that_the_job_lacks_is_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        ordinals_in(FrameRange.parse("1-10:3"), "1-4")
    assert "no frame 2, 3" in refused.value.message
    assert refused.value.remedy == "Its frames are 1-10:3."


def test_a_refusal_names_some_frames_and_what_is_possible() -> None:
    error = refuse_frames(FrameAction.SKIP, FrameState.COMMITTED, range(1, 41), 40)
    assert error.message.endswith("20… are committed: no skip. Nothing was changed.")
    assert error.details["count"] == 40
    assert error.details["allowed"] == ["requeue", "retry"]


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("total", [1, 2, 5, 9, 10, 57])
def test_a_position_leads_back_to_its_ordinal(order: Order, total: int) -> None:
    assert [position_of(order, total, ordinal_at(order, total, n)) for n in range(total)] == list(range(total))
    with pytest.raises(IndexError):
        position_of(order, total, total)


def test_positions_become_runs() -> None:
    assert list(runs_of([])) == []
    assert list(runs_of([0, 1, 2, 5, 7, 8])) == [(0, 3), (5, 1), (7, 2)]
