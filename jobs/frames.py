"""Frame ranges: ``1-250``, ``1-100:2``, ``5,10,20-30``, ``100-1``, ``-10-20``; one to a million frames.

A *frame* is the number that the scene knows; its *ordinal* (0-based) is its place in the range. Everything that
the farm stores is keyed by ordinal, so that a range keeps its order whatever its numbers are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import overload

from jobs.errors import InvalidInput, TooLarge

MAX_FRAMES = 1_000_000
"""Frames per job. A job of this size is a few thousand queue rows (``docs/adr/``)."""

MAX_OVERLAPPING = 100_000
"""Frames of a range whose items cross each other: these are compared one by one, 0.1 s on each reading."""

MAX_FRAME_NUMBER = 1_048_574
"""Blender's own MAXFRAME; no renderer of ours goes further."""

MAX_TEXT = 65_536
"""Characters of a range's text."""

_ITEM = re.compile(r"(-?\d{1,9})(?:-(-?\d{1,9})(?::(-?\d{1,9}))?)?", re.ASCII)
_EXAMPLES = "Write it like 1-250, 1-100:2, 5,10,20-30 or 100-1."


@dataclass(frozen=True, slots=True)
class Run:
    """``count`` frames from ``first`` in steps of ``step`` (negative: backwards)."""

    first: int
    count: int
    step: int = 1

    @property
    def last(self) -> int:
        return self.first + (self.count - 1) * self.step

    def frames(self) -> range:
        return range(self.first, self.first + self.count * self.step, self.step)

    def __str__(self) -> str:
        if self.count == 1:
            return str(self.first)
        text = f"{self.first}-{self.last}"
        return text if self.step in (1, -1) else f"{text}:{self.step}"


class FrameRange(Sequence[int]):
    """An ordered sequence of distinct frame numbers, held as runs (a million frames cost no memory)."""

    __slots__ = ("_starts", "runs")

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        self._starts = tuple(accumulate((run.count for run in self.runs), initial=0))

    @classmethod
    def parse(cls, text: str, *, limit: int = MAX_FRAMES) -> FrameRange:
        """Read the range syntax; a number named twice counts once, at its first place.

        Raises ``InvalidInput`` (empty, malformed, wrong step) or ``TooLarge`` (more than ``limit`` frames, or over
        ``MAX_OVERLAPPING`` in items that cross).
        """
        if len(text) > MAX_TEXT:
            raise TooLarge(f"The frame range is {len(text)} characters long; {MAX_TEXT} are allowed.", field="frames")
        if not text.strip():
            raise InvalidInput("The frame range is empty.", field="frames", remedy=_EXAMPLES)
        runs = [_parse_item(item) for item in text.split(",")]
        total = sum(run.count for run in runs)
        if total > limit:
            raise TooLarge(
                f"The range names {total:,} frames; this farm takes {limit:,} per job.",
                field="frames",
                remedy="Split it into several jobs.",
                limit=limit,
            )
        return cls(_distinct(runs))

    def __len__(self) -> int:
        return self._starts[-1]

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        size = len(self)
        if not -size <= index < size:
            raise IndexError(index)
        index %= size
        position = bisect_right(self._starts, index) - 1
        run = self.runs[position]
        return run.first + (index - self._starts[position]) * run.step

    def __iter__(self) -> Iterator[int]:
        for run in self.runs:
            yield from run.frames()

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and any(frame in run.frames() for run in self.runs)

    def __str__(self) -> str:
        return ",".join(str(run) for run in self.runs)

    def __repr__(self) -> str:
        return f"FrameRange({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameRange) and self.runs == other.runs

    def __hash__(self) -> int:
        return hash(self.runs)

    def ordinal_of(self, frame: int) -> int:
        """Ordinal of a frame number; ``ValueError`` if the range does not hold it."""
        for start, run in zip(self._starts, self.runs, strict=False):
            frames = run.frames()
            if frame in frames:
                return start + frames.index(frame)
        raise ValueError(f"{frame} is not in {self}")

    def stretches(self, ordinals: Iterable[tuple[int, int]]) -> Iterator[tuple[int, Run]]:
        """The frames of these runs of ordinals (first, count): (first ordinal, frames) for each stretch of one step."""
        for low, count in ordinals:
            first, beyond = low, low + count
            place = bisect_right(self._starts, first) - 1
            while first < beyond:
                run, offset = self.runs[place], first - self._starts[place]
                part = min(run.count - offset, beyond - first)
                yield first, Run(run.first + offset * run.step, part, run.step)
                first, place = first + part, place + 1


def _parse_item(item: str) -> Run:
    text = item.strip()
    match = _ITEM.fullmatch(text)
    if match is None:
        what = f"{text!r} is not a frame or range." if text else "There is an empty item between commas."
        raise InvalidInput(what, field="frames", remedy=_EXAMPLES)
    first = int(match[1])
    last = first if match[2] is None else int(match[2])
    for number in (first, last):
        if abs(number) > MAX_FRAME_NUMBER:
            raise InvalidInput(
                f"Frame {number} is out of bounds; frames go from -{MAX_FRAME_NUMBER} to {MAX_FRAME_NUMBER}.",
                field="frames",
                remedy="Move the shot to frames that Blender has, or correct the number.",
            )
    direction = 1 if last >= first else -1
    step = direction if match[3] is None else int(match[3])
    if step == 0:
        raise InvalidInput(f"The step of {text!r} is 0.", field="frames", remedy=_EXAMPLES)
    if step * direction < 0 and first != last:
        raise InvalidInput(
            f"{text!r} runs {'backwards' if direction < 0 else 'forwards'}, but its step is {step}.",
            field="frames",
            remedy=f"Write {first}-{last}:{-step}, or swap the ends.",
        )
    return Run(first, (last - first) // step + 1, step)


def _distinct(runs: list[Run]) -> list[Run]:
    """Drop frames named before; only ranges that could overlap pay for looking."""
    spans = sorted((min(run.first, run.last), max(run.first, run.last)) for run in runs)
    if all(left[1] < right[0] for left, right in pairwise(spans)):
        return [_plain(run) for run in runs]
    total = sum(run.count for run in runs)
    if total > MAX_OVERLAPPING:
        raise TooLarge(
            f"Items of the range cross, and it names {total:,} frames; such a range may name {MAX_OVERLAPPING:,}.",
            field="frames",
            remedy="Name each frame once, in items that do not cross.",
            limit=MAX_OVERLAPPING,
        )
    return list(_runs_of(dict.fromkeys(frame for run in runs for frame in run.frames())))


def _plain(run: Run) -> Run:
    return Run(run.first, 1, 1) if run.count == 1 else run


def _runs_of(frames: dict[int, None]) -> Iterator[Run]:
    numbers = list(frames)
    position = 0
    while position < len(numbers):
        first = numbers[position]
        end = position + 1
        step = numbers[end] - first if end < len(numbers) else 1
        while end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        count = end - position
        if count == 2 and step not in (1, -1):  # two lone frames, not a stepped run
            count = 1
        yield Run(first, count, step if count > 1 else 1)
        position += count
