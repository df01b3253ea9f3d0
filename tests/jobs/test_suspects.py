"""Which frames are odd beside their neighbours, and which only look so."""

from __future__ import annotations

import pytest

from jobs.suspects import Flag, Look, judge

LIT = 0.45


def looks(*means: float, numbers: list[int] | None = None, brightest: float | None = None) -> dict[int, Look]:
    return {
        ordinal: Look(
            frame=numbers[ordinal] if numbers else ordinal + 1,
            mean=mean,
            brightest=min(1.0, mean * 2) if brightest is None else brightest,
        )
        for ordinal, mean in enumerate(means)
    }


def flags(found: dict[int, Look], total: int | None = None) -> dict[int, Flag]:
    total = total or len(found)
    judged = {ordinal: judge(found, ordinal, total=total) for ordinal in found}
    return {ordinal: one.flag for ordinal, one in judged.items() if one is not None}


def test_one_black_frame_among_lit_ones_is_suspect_and_its_neighbours_are_not() -> None:
    assert flags(looks(LIT, LIT, 0.0, LIT, LIT)) == {2: Flag.BLACK}


def test_a_black_frame_at_either_end_is_judged_by_its_one_neighbour() -> None:
    assert flags(looks(0.0, LIT, LIT)) == {0: Flag.BLACK}
    assert flags(looks(LIT, LIT, 0.0)) == {2: Flag.BLACK}


@pytest.mark.parametrize(
    "means",
    [
        (0.0, 0.0, 0.0, 0.0),  # a black leader
        (LIT, 0.2, 0.01, 0.0, 0.0, 0.01, 0.2, LIT),  # a fade to black and back
        (LIT, LIT, LIT, 0.1, 0.1, 0.1),  # a cut
        (0.1, 0.2, 0.3, 0.4, 0.5),  # a sunrise
        (0.40, 0.42, 0.40, 0.42),  # a flame
    ],
    ids=["black leader", "fade", "cut", "sunrise", "flame"],
)
def test_what_films_do_on_purpose_is_not_suspect(means: tuple[float, ...]) -> None:
    assert flags(looks(*means)) == {}


@pytest.mark.parametrize("odd", [0.2, 0.8])
def test_a_frame_much_darker_or_brighter_than_both_neighbours_flickers(odd: float) -> None:
    assert flags(looks(LIT, LIT + 0.01, odd, LIT, LIT)) == {2: Flag.FLICKER}


def test_a_night_sky_with_one_star_is_not_black() -> None:
    sky = looks(LIT, 0.001, LIT)
    sky[1] = Look(frame=2, mean=0.001, brightest=1.0)
    assert Flag.BLACK not in flags(sky).values()


def test_nothing_is_said_while_a_neighbour_is_unknown() -> None:
    some = looks(LIT, 0.0, LIT)
    del some[2]
    assert flags(some, total=3) == {}


def test_a_still_and_frames_far_apart_have_no_neighbours() -> None:
    assert flags(looks(0.0)) == {}
    assert flags(looks(LIT, 0.0, LIT, numbers=[1, 100, 200])) == {}


def test_it_says_which_figures_it_rests_on() -> None:
    suspicion = judge(looks(LIT, 0.0, LIT), 1, total=3)
    assert suspicion is not None
    assert suspicion.detail == "Frame 2 is all black; frames 1 and 3 beside it are not (luminance 0.450 and 0.450)."
