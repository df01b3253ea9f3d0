"""Where the camera is at a frame: keyframes or an orbit. Pure arithmetic; the scene stays loaded."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_KEYFRAMES = 100_000
"""One for each frame of an hour."""
_FRAME = 1_000_000_000
_PARALLEL = 1e-9
"""Length of the cross product of two unit vectors below which they count as parallel."""

Coordinate = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate, Coordinate]
Vector = tuple[float, float, float]
Fov = Annotated[float, Field(gt=0, lt=180, description="Horizontal field of view, degrees. None: the scene's.")]


@dataclass(frozen=True, slots=True)
class Pose:
    """A camera at one frame: scene units, degrees."""

    origin: Vector
    target: Vector
    up: Vector
    fov: float | None


class Keyframe(BaseModel):
    """The camera at one frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frame: Annotated[int, Field(ge=-_FRAME, le=_FRAME)]
    origin: Point
    target: Point
    up: Point = (0.0, 1.0, 0.0)
    fov: Fov | None = None

    @model_validator(mode="after")
    def _looks_somewhere(self) -> Self:
        _check_view(self.origin, self.target, self.up)
        return self


class Keyframes(BaseModel):
    """A path through keyframes; before the first and after the last the camera stands still."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["keyframes"] = "keyframes"
    keyframes: Annotated[tuple[Keyframe, ...], Field(fail_fast=True, min_length=1, max_length=MAX_KEYFRAMES)]
    interpolation: Annotated[
        Literal["linear", "smooth"], Field(description="smooth: a Catmull-Rom curve through the keyframes.")
    ] = "linear"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        frames = [key.frame for key in self.keyframes]
        if any(first >= second for first, second in itertools.pairwise(frames)):
            raise ValueError("keyframes must be in the order of their frames, each frame once")
        if len({key.fov is None for key in self.keyframes}) > 1:
            raise ValueError("give every keyframe a fov, or none of them")
        return self

    def pose_at(self, frame: int) -> Pose:
        """Raises ``ValueError`` where the way between two keyframes leads through their target."""
        keys = self.keyframes
        after = bisect_right([key.frame for key in keys], frame)
        if after in (0, len(keys)):
            key = keys[max(0, after - 1)]
            return Pose(key.origin, key.target, key.up, key.fov)
        values = [(*key.origin, *key.target, *key.up, key.fov or 0.0) for key in keys[max(0, after - 2) : after + 2]]
        frames = [key.frame for key in keys[max(0, after - 2) : after + 2]]
        start = after - 1 - max(0, after - 2)
        x = [_between(frames, [row[n] for row in values], start, frame, self.interpolation) for n in range(10)]
        pose = Pose((x[0], x[1], x[2]), (x[3], x[4], x[5]), (x[6], x[7], x[8]), x[9] if keys[0].fov else None)
        _check_view(pose.origin, pose.target, pose.up)
        return pose


class Orbit(BaseModel):
    """A circle around a point at even speed, seen from a height."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["orbit"]
    target: Point = (0.0, 0.0, 0.0)
    radius: Annotated[float, Field(gt=0, le=1e9, description="Distance from the target, scene units.")]
    elevation: Annotated[float, Field(gt=-90, lt=90, description="Degrees above the circle's plane.")] = 20.0
    axis: Annotated[Literal["x", "y", "z"], Field(description="What is up.")] = "y"
    start_frame: Annotated[int, Field(ge=-_FRAME, le=_FRAME)] = 1
    start_angle: Annotated[
        float, Field(ge=-360, le=360, description="Degrees at start_frame; 0: on the axis after `axis` (y up: z).")
    ] = 0.0
    frames: Annotated[int, Field(ge=1, le=1_000_000, description="Frames of one whole turn.")]
    clockwise: bool = False
    fov: Fov | None = None

    def pose_at(self, frame: int) -> Pose:
        turn = (frame - self.start_frame) / self.frames * (-1 if self.clockwise else 1)
        angle, height = math.radians(self.start_angle) + 2 * math.pi * turn, math.radians(self.elevation)
        up = "xyz".index(self.axis)
        offset = [0.0, 0.0, 0.0]
        offset[up] = self.radius * math.sin(height)
        offset[(up + 1) % 3] = self.radius * math.cos(height) * math.cos(angle)
        offset[(up + 2) % 3] = self.radius * math.cos(height) * math.sin(angle)
        x, y, z = (self.target[n] + offset[n] for n in range(3))
        axis = [0.0, 0.0, 0.0]
        axis[up] = 1.0
        return Pose((x, y, z), self.target, (axis[0], axis[1], axis[2]), self.fov)


def _between(frames: list[int], values: list[float], start: int, frame: int, interpolation: str) -> float:
    """The value at ``frame``, which lies between ``frames[start]`` and the next one."""
    length = frames[start + 1] - frames[start]
    t = (frame - frames[start]) / length
    first, second = values[start], values[start + 1]
    if interpolation == "linear":
        return first + (second - first) * t
    slopes = [_slope(frames, values, n) * length for n in (start, start + 1)]
    return (
        (2 * t**3 - 3 * t**2 + 1) * first
        + (t**3 - 2 * t**2 + t) * slopes[0]
        + (3 * t**2 - 2 * t**3) * second
        + (t**3 - t**2) * slopes[1]
    )


def _slope(frames: list[int], values: list[float], at: int) -> float:
    before, after = max(0, at - 1), min(len(frames) - 1, at + 1)
    return (values[after] - values[before]) / (frames[after] - frames[before])


def _check_view(origin: Vector, target: Vector, up: Vector) -> None:
    view = tuple(b - a for a, b in zip(origin, target, strict=True))
    lengths = math.hypot(*view), math.hypot(*up)
    if not min(lengths):
        raise ValueError("a camera's origin and target must differ, and its up must not be zero")
    a, b = ([value / length for value in vector] for vector, length in zip((view, up), lengths, strict=True))
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    if math.hypot(*cross) < _PARALLEL:
        raise ValueError("a camera cannot look along its own up vector")
