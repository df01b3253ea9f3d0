"""What a person or program asks for: the immutable specification of a job."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    field_validator,
    model_validator,
)

from jobs.errors import InvalidInput
from jobs.frames import FrameRange
from jobs.labels import check_wish
from jobs.naming import MAX_TEMPLATE_CHARS, NamingTemplate
from jobs.notify import Notify
from jobs.order import Order
from jobs.post_steps import FilmAudio, VideoCodec

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Line ends, terminal escapes, halves of a UTF-16 pair, and what turns the direction of writing: no part of a name."""

_NUMBER = re.compile(r"\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*", re.ASCII)


def plain_text(text: str) -> str:
    """The text, for one line on a screen. ``ValueError`` for control characters, and for what no database holds."""
    if _CONTROLS.search(text):
        raise ValueError("it has no control characters; leave out line ends, tabs and escapes")
    return text


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(plain_text)
]


Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(plain_text)]

Group = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(plain_text)
]
"""Name of a show or a shot."""

MAX_SETTINGS = 500
"""Settings of one job, far above what any pipeline has: one that names more is refused without a look at each."""

MAX_TAGS = 20
"""Of one job; the database holds it too."""


def _without_repeats(tags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(tags))


Tags = Annotated[tuple[Tag, ...], Field(fail_fast=True, max_length=MAX_TAGS), AfterValidator(_without_repeats)]


_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""A deadline beyond it leaves no room for the zones and the sums of Python and the database, which end with 9999."""


def _within_reach(moment: datetime) -> datetime:
    """In UTC, so that equal moments are equal specifications."""
    if moment >= _LATEST:
        raise ValueError("the time lies beyond the year 8999; give an earlier one, or null for no deadline")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time lies before the year 1; give one to come, or null for no deadline") from None


def _written_out(value: object) -> object:
    """A bare number is no time: it could be seconds or milliseconds, and nobody means the year 1970."""
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise ValueError("write it out, like 2026-01-31 or 2026-01-31T12:00:00Z (RFC 3339)")
    return value


Day = Annotated[date, BeforeValidator(_written_out)]
"""A day of the calendar, as RFC 3339 writes it."""

Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""A time with its zone, as RFC 3339 writes it."""

Deadline = Annotated[Moment, AfterValidator(_within_reach)]
"""A moment with its time zone that every part of the farm can hold."""


class PriorityClass(StrEnum):
    """Classes are strict: an interactive frame starts before any normal one."""

    INTERACTIVE = "interactive"
    NORMAL = "normal"
    BATCH = "batch"

    def __init__(self, _: str) -> None:
        self.rank = len(type(self).__members__)
        """0 starts first."""


class VideoOutput(BaseModel):
    """A film of the job's frames."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fps: StrictFloat | None = Field(
        None, ge=0.01, le=240, description="Frames per second; the scene's own when absent."
    )
    preview: Literal["webm", "gif", "none"] = Field("webm", description="A second, light file for the browser.")
    codec: VideoCodec = Field("h264", description="ProRes comes as .mov, the others as .mp4.")
    audio: FilmAudio = Field(
        "auto",
        description="`auto`: the scene's sound where it has any, the frames follow each other and the film plays at "
        "the scene's rate; `scene`: the same, refused where it cannot be; `none`: a silent film.",
    )


class ContactSheetOutput(BaseModel):
    """One picture of the job's frames, evenly spread ones where they are more than fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: StrictInt | None = Field(None, ge=1, le=50, description="Absent: about as many as rows.")
    cell_width: StrictInt = Field(320, ge=32, le=1024, description="Pixels.")
    labels: StrictBool = Field(True, description="The frame's number below it.")


class Outputs(BaseModel):
    """What the job makes beside its frames."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    video: VideoOutput | Literal["auto"] | None = Field(
        "auto", description="`auto`: a film when the job has more than one frame; null: none."
    )
    contact_sheet: ContactSheetOutput | None = Field(None, description="A picture of all frames; null: none.")
    previews: StrictBool = Field(True, description="Small pictures for the browser; a small frame is its own.")
    naming: str | None = Field(
        None,
        max_length=MAX_TEMPLATE_CHARS,
        description="How the pictures are named where they leave the farm, in folders if it has slashes. Fields: "
        "project, show, shot, job, model, camera, layer (or view_layer), frame, date, ext. null: frame_0001.png …",
        examples=["{job}/{camera}/{layer}.{frame:04d}"],
    )

    @field_validator("naming")
    @classmethod
    def _naming_parses(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                NamingTemplate(text)
            except InvalidInput as error:
                raise ValueError(str(error)) from error
        return text


class JobLimits(BaseModel):
    """Ceilings of this job. The farm refuses a longest frame above its own limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tries: StrictInt = Field(
        3, ge=1, le=20, description="Attempts per frame that fail through the scene or its settings."
    )
    frame_timeout_s: StrictFloat = Field(
        4 * 3600,
        gt=0,
        le=7 * 86400,
        description="Longest time for one frame, seconds. Absent: 4 h, or the farm's limit where that is lower.",
    )
    stall_timeout_s: StrictFloat | None = Field(
        None, gt=0, le=86400, description="Longest time without any progress of a frame, seconds; absent: no limit."
    )
    load_timeout_s: StrictFloat = Field(1800, gt=0, le=86400, description="Longest time to load the model, seconds.")


class SplitMode(StrEnum):
    """How one frame is shared out over replicas; which of them a pipeline can do, it says itself."""

    NONE = "none"
    BORDERS = "borders"
    """Rectangles of the uncropped frame."""
    SAMPLES = "samples"
    """Subsets of its samples, merged by weight in linear light."""


class Split(BaseModel):
    """One frame over several replicas: the job's choice, never decided frame by frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: SplitMode = SplitMode.NONE
    parts: StrictInt = Field(1, ge=1, le=64, description="Parts of each frame; 1 with mode `none`, else 2 or more.")

    @model_validator(mode="after")
    def _parts_fit_the_mode(self) -> Split:
        if (self.mode is SplitMode.NONE) != (self.parts == 1):
            raise ValueError("mode `none` has 1 part; `borders` and `samples` have 2 or more.")
        return self

    def __str__(self) -> str:
        """``none``, ``borders:4``, …; part of a frame's fingerprint."""
        return self.mode if self.mode is SplitMode.NONE else f"{self.mode}:{self.parts}"


class Dependency(BaseModel):
    """Another job of the project that comes first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: UUID
    by: Literal["job", "frame"] = Field(
        "job",
        description="`job`: starts when that job has succeeded; `frame`: frame n starts when its frame n is there.",
    )


def _without_default(schema: dict[str, Any]) -> None:
    """For a field that the API fills in from others where a request leaves it out: its default is no promise."""
    del schema["default"]


MAX_LABELS = 16
"""Labels of one job, with those that its settings ask for."""


class JobSpec(BaseModel):
    """One request: a model version, a pipeline with its settings, frames, outputs, priority."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field("untitled", description="Shown in lists; need not be unique.")
    model: UUID = Field(description="A registered model version that is ready.")
    pipeline: str = Field(
        "cycles",
        max_length=40,
        description="How pixels are made; see GET /v1/pipelines. Absent: the one that takes the model's kind.",
        json_schema_extra=_without_default,
    )
    settings: dict[str, Any] = Field(
        default_factory=dict,
        max_length=MAX_SETTINGS,
        description="Settings of the pipeline; absent: as the scene says.",
    )
    frames: str = Field(max_length=65_536, description="1-250, 1-100:2, 5,10,20-30, 100-1 …")
    order: Order = Field(Order.SCOUT, description="Which frames come first.")
    outputs: Outputs = Field(default_factory=Outputs)
    priority: PriorityClass = PriorityClass.NORMAL
    weight: StrictInt = Field(100, ge=1, le=1000, description="Share among jobs of one class.")
    reuse: StrictBool = Field(
        True, description="Take frames that this project has already rendered with the same inputs."
    )
    limits: JobLimits = Field(default_factory=JobLimits)
    labels: dict[str, str] = Field(
        default_factory=dict,
        max_length=MAX_LABELS,
        description="Labels that a replica must have: a value as it stands, or a bound on a number (`>=24`, `<8`). "
        "Settings that need a GPU add `device: gpu`.",
    )
    licences: dict[str, Annotated[StrictInt, Field(ge=1, le=10_000)]] = Field(
        default_factory=dict, max_length=16, description="Counted licences that each running chunk holds."
    )
    max_replicas: StrictInt | None = Field(None, ge=1, le=100_000, description="Replicas that may render it at once.")
    approval: StrictInt | None = Field(
        None, ge=1, le=100, description="Scout frames to render first; the rest waits for POST …/approve."
    )
    start_before: Deadline | None = Field(
        None, description="Where no worker was given a frame of it by then, it ends as `deadline`. With a time zone."
    )
    finish_before: Deadline | None = Field(
        None, description="Not finished by then, it ends as `deadline`; it goes first among equals. With a time zone."
    )
    depends_on: tuple[Dependency, ...] = Field((), fail_fast=True, max_length=64, description="Jobs that come first.")
    split: Split = Field(default_factory=Split, description="One frame over several replicas.")
    tags: Tags = Field((), description="Words of yours to find it by.", examples=[["review", "lookdev"]])
    show: Group | None = Field(None, description="The production that it belongs to.")
    shot: Group | None = Field(None, description="The shot of that production.")
    notify: Notify | None = Field(None, description="Whom to tell of its end; null: those who asked for every job.")

    deliver_to: UUID | Literal["default"] | None = Field(
        "default",
        description="The project's destination whose bucket gets the files as they are committed, named by "
        "`outputs.naming`; `default`: the project's default one, where it has one; null: none.",
    )

    @field_validator("frames")
    @classmethod
    def _frames_parse(cls, text: str) -> str:
        try:
            FrameRange.parse(text)
        except InvalidInput as error:
            raise ValueError(str(error)) from error
        return text

    @model_validator(mode="after")
    def _shot_has_its_show(self) -> JobSpec:
        if self.shot is not None and self.show is None:
            raise ValueError("a shot is of a show: name that too, or leave shot out")
        return self

    @field_validator("labels")
    @classmethod
    def _labels_parse(cls, labels: dict[str, str]) -> dict[str, str]:
        for key, wish in labels.items():
            check_wish(key, wish)
        return labels

    @property
    def names_pipeline(self) -> bool:
        """False: whoever asks leaves it to the kind of the model."""
        return "pipeline" in self.model_fields_set

    @cached_property
    def frame_range(self) -> FrameRange:
        return FrameRange.parse(self.frames)

    @property
    def video(self) -> VideoOutput | None:
        """The film to make, ``auto`` resolved."""
        if self.outputs.video == "auto":
            return VideoOutput(fps=None, preview="webm") if len(self.frame_range) > 1 else None
        return self.outputs.video
