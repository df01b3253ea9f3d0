"""The event-stream parser: whatever pieces the bytes arrive in, the same events come out."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayfarm import _sse
from rayfarm._sse import ServerSentEvent, StreamBroken, parse_events

LINE = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs",)), max_size=20)
NAME = LINE.filter(lambda text: text != "")
EVENT = st.tuples(NAME, LINE, st.lists(LINE, min_size=1, max_size=3))


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(at)]


@given(st.lists(EVENT, max_size=5), st.sampled_from(["\n", "\r\n", "\r"]), st.lists(st.integers(0, 10_000)))
def test_events_survive_any_line_ending_and_any_split(
    events: list[tuple[str, str, list[str]]], end: str, cuts: list[int]
) -> None:
    text = "".join(
        f": comment{end}event: {name}{end}id: {id_}{end}" + "".join(f"data: {line}{end}" for line in data) + end
        for name, id_, data in events
    )
    found = list(parse_events(pieces(text.encode(), cuts)))
    assert found == [ServerSentEvent(event=name, data="\n".join(data), id=id_) for name, id_, data in events]


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_no_bytes_break_the_parser_and_their_split_does_not_matter(chunks: list[bytes]) -> None:
    assert list(parse_events(chunks)) == list(parse_events([b"".join(chunks)]))


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"data: x", b"id: 1", b":", b"event: e"]), max_size=30))
def test_mixed_line_endings_split_byte_by_byte_read_the_same(parts: list[bytes]) -> None:
    data = b"".join(parts)
    assert list(parse_events(pieces(data, list(range(len(data)))))) == list(parse_events([data]))


def test_an_event_that_the_stream_cuts_off_is_dropped() -> None:
    assert [event.data for event in parse_events([b"data: whole\n\ndata: half\n"])] == ["whole"]


def test_the_last_id_stays_until_another_comes() -> None:
    found = list(parse_events([b"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"]))
    assert [event.id for event in found] == ["7", "7", ""]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert [event.data for event in parse_events([b"\xef\xbb\xbfdata: a\n\n"])] == ["a"]


def test_an_endless_line_is_refused_before_it_fills_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sse, "MAX_EVENT_CHARS", 100)
    with pytest.raises(StreamBroken):
        list(parse_events([b"data: " + b"x" * 60, b"y" * 60]))


def test_an_endless_event_of_short_lines_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sse, "MAX_EVENT_CHARS", 100)
    with pytest.raises(StreamBroken):
        list(parse_events([b"data: xxxxxxxxxx\n"] * 20))
