"""The frame range syntax: what it names, in which order, and what it refuses."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import InvalidInput, TooLarge
from jobs.frames import MAX_FRAMES, FrameRange
from jobs.order import runs_of

numbers = st.integers(-2000, 2000)


@st.composite
def items(draw: st.DrawFn) -> tuple[str, list[int]]:
    """One item of the syntax, and the frames that it names by Python's own range."""
    first, last = draw(numbers), draw(numbers)
    if draw(st.booleans()):
        return str(first), [first]
    direction = 1 if last >= first else -1
    step = direction * draw(st.integers(1, 7)) if draw(st.booleans()) else direction
    text = f"{first}-{last}" + (f":{step}" if step != direction or draw(st.booleans()) else "")
    return text, list(range(first, last + direction, step))


@given(st.lists(items(), min_size=1, max_size=8))
def test_a_range_names_each_frame_once_at_its_first_place(parts: list[tuple[str, list[int]]]) -> None:
    expected = list(dict.fromkeys(frame for _, frames in parts for frame in frames))
    parsed = FrameRange.parse(", ".join(text for text, _ in parts))
    assert list(parsed) == expected
    assert len(parsed) == len(expected)
    assert [parsed[ordinal] for ordinal in range(len(parsed))] == expected


@given(st.lists(items(), min_size=1, max_size=8))
def test_the_text_of_a_range_parses_to_the_same_range(parts: list[tuple[str, list[int]]]) -> None:
    parsed = FrameRange.parse(",".join(text for text, _ in parts))
    assert list(FrameRange.parse(str(parsed))) == list(parsed)


@given(st.lists(items(), min_size=1, max_size=4))
def test_ordinal_and_frame_are_inverse(parts: list[tuple[str, list[int]]]) -> None:
    parsed = FrameRange.parse(",".join(text for text, _ in parts))
    assert [parsed.ordinal_of(frame) for frame in parsed] == list(range(len(parsed)))


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("7", [7]),
        ("1-5", [1, 2, 3, 4, 5]),
        ("1-9:4", [1, 5, 9]),
        ("5,10,20-22", [5, 10, 20, 21, 22]),
        ("5-1", [5, 4, 3, 2, 1]),
        ("-3--1", [-3, -2, -1]),
        ("-1-1", [-1, 0, 1]),
        ("1-3,2-5", [1, 2, 3, 4, 5]),
    ],
)
def test_the_syntax_of_the_manual(text: str, frames: list[int]) -> None:
    assert list(FrameRange.parse(text)) == frames


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("1,,2", "empty item"),
        ("a-b", "not a frame"),
        ("1-10:-1", "runs forwards"),
        ("10-1:2", "runs backwards"),
        ("1-10:0", "step"),
        ("1-9999999", "out of bounds"),
        ("1..5", "not a frame"),
        ("１-５", "not a frame"),
    ],
)
def test_a_bad_range_is_refused_with_its_cause(text: str, cause: str) -> None:
    with pytest.raises(InvalidInput, match=cause):
        FrameRange.parse(text)


def test_a_million_frames_are_a_handful_of_runs_and_one_more_is_refused() -> None:
    whole = FrameRange.parse(f"1-{MAX_FRAMES}")
    assert len(whole) == MAX_FRAMES
    assert len(whole.runs) == 1
    assert whole[MAX_FRAMES - 1] == MAX_FRAMES
    with pytest.raises(TooLarge, match="1,000,000"):
        FrameRange.parse(f"0-{MAX_FRAMES}")


def test_items_that_cross_are_compared_only_up_to_a_bound() -> None:
    assert len(FrameRange.parse("1-100000:2,2-99999:2,7")) == 99_999
    with pytest.raises(TooLarge, match="cross") as caught:
        FrameRange.parse("1-999999,1")
    assert "Name each frame once" in (caught.value.remedy or "")


@given(st.text(max_size=40))
def test_any_text_parses_or_is_refused_by_name(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        FrameRange.parse(text)


@given(st.lists(items(), min_size=1, max_size=6), st.data())
def test_stretches_of_ordinals_name_the_frames_at_them(parts: list[tuple[str, list[int]]], data: st.DataObject) -> None:
    frames = FrameRange.parse(",".join(text for text, _ in parts))
    wanted = sorted(data.draw(st.sets(st.integers(0, len(frames) - 1), max_size=40)))
    found = {
        ordinal + place: frame
        for ordinal, stretch in frames.stretches(runs_of(wanted))
        for place, frame in enumerate(stretch.frames())
    }
    assert found == {ordinal: frames[ordinal] for ordinal in wanted}
