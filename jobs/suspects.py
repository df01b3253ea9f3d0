"""Is a frame odd beside its neighbours? Judged by the luminance of small pictures, after the commit; for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

BLACK_MEAN = 1 / 255
"""Mean luminance (0 to 1, sRGB) up to which a picture is black …"""
BLACK_BRIGHTEST = 5 / 255
"""… if its brightest pixel is up to this: a night sky with one star is no accident."""
LIT_MEAN = 5 / 255
"""Mean luminance from which a neighbour is lit: a fade to black passes through what lies between."""
FLICKER_JUMP = 0.05
"""Least jump of the mean against both neighbours that is called flicker: 13 of 255 steps."""
FLICKER_RATIO = 4.0
"""The jump is at least this many times the neighbours' own difference, so that a cut or a fast fade is none."""
FARTHEST_NEIGHBOUR = 4
"""Frame numbers between two neighbours at most: a job of every hundredth frame has none."""


class Flag(StrEnum):
    BLACK = "black"
    """All black while its neighbours are not."""
    FLICKER = "flicker"
    """Much brighter or darker than both neighbours, which are alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A frame's small picture in figures."""

    frame: int
    """Its number in the scene."""
    mean: float
    """Mean luminance, 0 to 1, sRGB."""
    brightest: float
    """Of its brightest pixel."""

    @property
    def is_black(self) -> bool:
        return self.mean <= BLACK_MEAN and self.brightest <= BLACK_BRIGHTEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    flag: Flag
    detail: str
    """For people: the figures that it rests on."""


def judge(looks: Mapping[int, Look], ordinal: int, *, total: int) -> Suspicion | None:
    """What is odd about the frame at this place of a job of ``total`` frames; None while a neighbour is unknown.

    Pure, and the same whenever it is asked with the same pictures: frames come in any order.
    """
    look = looks.get(ordinal)
    beside = [place for place in (ordinal - 1, ordinal + 1) if 0 <= place < total]
    neighbours = [looks[place] for place in beside if place in looks]
    if look is None or not beside or len(neighbours) < len(beside):
        return None
    near = [other for other in neighbours if abs(other.frame - look.frame) <= FARTHEST_NEIGHBOUR]
    if len(near) < len(neighbours):
        return None
    numbers = " and ".join(str(other.frame) for other in near)
    means = " and ".join(f"{other.mean:.3f}" for other in near)
    if look.is_black:
        if all(other.mean >= LIT_MEAN for other in near):
            return Suspicion(
                flag=Flag.BLACK,
                detail=f"Frame {look.frame} is all black; frames {numbers} beside it are not (luminance {means}).",
            )
        return None
    if len(near) < 2:
        return None
    jump = min(abs(look.mean - other.mean) for other in near)
    same_side = (look.mean - near[0].mean) * (look.mean - near[1].mean) > 0
    if same_side and jump >= max(FLICKER_JUMP, FLICKER_RATIO * abs(near[0].mean - near[1].mean)):
        return Suspicion(
            flag=Flag.FLICKER,
            detail=f"Frame {look.frame} has a luminance of {look.mean:.3f}; frames {numbers} beside it have {means}.",
        )
    return None
