"""What parent and child say to each other: one JSON object a line over a socket pair.

The child may be running a hostile scene, so the parent believes nothing that does not parse.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from jobs.spec import SplitMode
from jobs.states import EndReason
from pipelines.base import FrameOutput, FramePart, FrameRequest, LoadReport, ModelFiles, Tally
from pipelines.sandbox import SandboxReport

PROTOCOL_VERSION = 3


class ProtocolError(Exception):
    """The other side sent something that is not a message of this protocol."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def line(self) -> bytes:
        return self.model_dump_json().encode() + b"\n"


class LoadCommand(_Message):
    type: Literal["load"] = "load"
    call: int
    digest: str
    root: Path
    main: str
    remap: dict[str, str]

    @classmethod
    def of(cls, call: int, model: ModelFiles) -> LoadCommand:
        return cls(call=call, digest=model.digest, root=model.root, main=model.main, remap=dict(model.remap))

    def model_files(self) -> ModelFiles:
        return ModelFiles(digest=self.digest, root=self.root, main=self.main, remap=self.remap)


class PartOfFrame(_Message):
    number: int
    of: int
    mode: SplitMode


class RenderCommand(_Message):
    type: Literal["render"] = "render"
    call: int
    id: str
    frame: int
    settings: dict[str, Any]
    scratch: Path
    part: PartOfFrame | None = None
    preview_every_s: float | None = None

    @classmethod
    def of(cls, call: int, request: FrameRequest) -> RenderCommand:
        part = request.part
        return cls(
            call=call,
            id=request.id,
            frame=request.frame,
            settings=dict(request.settings),
            scratch=request.scratch,
            part=None if part is None else PartOfFrame(number=part.number, of=part.of, mode=part.mode),
            preview_every_s=request.preview_every_s,
        )

    def request(self) -> FrameRequest:
        part = self.part
        return FrameRequest(
            id=self.id,
            frame=self.frame,
            settings=self.settings,
            scratch=self.scratch,
            part=None if part is None else FramePart(number=part.number, of=part.of, mode=part.mode),
            preview_every_s=self.preview_every_s,
        )


class CloseCommand(_Message):
    type: Literal["close"] = "close"


class ReadyEvent(_Message):
    type: Literal["ready"] = "ready"
    protocol: int
    network: str
    files: str
    calls: str
    rights: str
    nice: int
    session_nice: int | None = None

    @classmethod
    def of(cls, report: SandboxReport) -> ReadyEvent:
        return cls(
            protocol=PROTOCOL_VERSION,
            network=report.network,
            files=report.files,
            calls=report.calls,
            rights=report.rights,
            nice=report.nice,
            session_nice=report.session_nice,
        )

    def sandbox(self) -> SandboxReport:
        return SandboxReport(
            network=self.network,
            files=self.files,
            calls=self.calls,
            rights=self.rights,
            nice=self.nice,
            session_nice=self.session_nice,
        )


_MOST_COUNTED = 10**15


class CountedWork(_Message):
    done: Annotated[int, Field(ge=0, le=_MOST_COUNTED)]
    total: Annotated[int, Field(ge=0, le=_MOST_COUNTED)]
    unit: Annotated[str, Field(max_length=20)]

    @classmethod
    def of(cls, tally: Tally) -> CountedWork:
        return cls(done=tally.done, total=tally.total, unit=tally.unit)

    def tally(self) -> Tally:
        return Tally(self.done, self.total, self.unit)


class ProgressEvent(_Message):
    type: Literal["progress"] = "progress"
    call: int
    fraction: Annotated[float, Field(ge=0, le=1)]
    text: str
    counted: CountedWork | None = None


class LoadedEvent(_Message):
    type: Literal["loaded"] = "loaded"
    call: int
    seconds: float
    warnings: tuple[str, ...]
    blocked_scripts: tuple[str, ...]
    details: dict[str, Any]
    crops: bool = False

    @classmethod
    def of(cls, call: int, report: LoadReport) -> LoadedEvent:
        return cls(
            call=call,
            seconds=report.seconds,
            warnings=report.warnings,
            blocked_scripts=report.blocked_scripts,
            details=dict(report.details),
            crops=report.crops,
        )

    def report(self) -> LoadReport:
        return LoadReport(
            seconds=self.seconds,
            warnings=self.warnings,
            blocked_scripts=self.blocked_scripts,
            details=self.details,
            crops=self.crops,
        )


_MOST_MS = 1e10
"""Of one timing: 115 days. Sums of such stay numbers that JSON and the database hold."""
_MOST_TIMINGS = 64
_MOST_METRICS_BYTES = 256 * 1024
"""Of a frame's metrics as JSON; engines send some hundred bytes."""
_MOST_EXTRA = 4096
"""Files of one frame besides its picture; a scene with every pass on writes some tens."""
_MOST_WARNINGS = 200
_WARNING_CHARACTERS = 4000

Name = Annotated[str, Field(max_length=100)]
Milliseconds = Annotated[float, Field(ge=0, le=_MOST_MS, allow_inf_nan=False)]
Warnings = Annotated[
    tuple[Annotated[str, Field(max_length=_WARNING_CHARACTERS)], ...], Field(max_length=_MOST_WARNINGS + 1)
]


def _bounded(metrics: dict[str, Any]) -> dict[str, Any]:
    """Raises ``ValueError`` for NaN and infinity too: neither is JSON, and the database refuses them."""
    if len(json.dumps(metrics, allow_nan=False)) > _MOST_METRICS_BYTES:
        raise ValueError(f"the metrics take more than {_MOST_METRICS_BYTES} bytes")
    return metrics


def _some(warnings: tuple[str, ...]) -> tuple[str, ...]:
    """A scene that lacks a thousand files warns of each."""
    kept = tuple(line[:_WARNING_CHARACTERS] for line in warnings[:_MOST_WARNINGS])
    left_out = len(warnings) - len(kept)
    return (*kept, f"… and {left_out} more warnings.") if left_out else kept


class RenderedEvent(_Message):
    type: Literal["rendered"] = "rendered"
    call: int
    main: Path
    extra: Annotated[tuple[Path, ...], Field(max_length=_MOST_EXTRA)]
    timings_ms: Annotated[dict[Name, Milliseconds], Field(max_length=_MOST_TIMINGS)]
    metrics: Annotated[dict[str, Any], AfterValidator(_bounded)]
    warnings: Warnings
    log: str = ""

    @classmethod
    def of(cls, call: int, output: FrameOutput, log: str = "") -> RenderedEvent:
        return cls(
            call=call,
            main=output.main,
            extra=output.extra,
            timings_ms=dict(output.timings_ms),
            metrics=dict(output.metrics),
            warnings=_some(output.warnings),
            log=log,
        )

    def output(self) -> FrameOutput:
        return FrameOutput(
            main=self.main,
            extra=self.extra,
            timings_ms=self.timings_ms,
            metrics=self.metrics,
            warnings=self.warnings,
            log=self.log,
        )


_OWN_REASONS = frozenset(
    {
        EndReason.ENGINE_ERROR,
        EndReason.OUT_OF_MEMORY,
        EndReason.MODEL_INVALID,
        EndReason.BAD_OUTPUT,
        EndReason.INFRA,
    }
)
"""What an engine may say of itself. The others are the farm's own findings, and some of them have no ceiling: a scene
that says "interrupted" would be tried for ever."""


def _own(reason: EndReason) -> EndReason:
    return reason if reason in _OWN_REASONS else EndReason.ENGINE_ERROR


class FailedEvent(_Message):
    type: Literal["failed"] = "failed"
    call: int | None
    """``None``: the engine itself could not start."""
    reason: Annotated[EndReason, AfterValidator(_own)]
    """One that is no engine's to say becomes ``engine_error``."""
    message: str
    remedy: str | None = None
    log: str = ""
    """The end of what was printed for this call."""


Command = LoadCommand | RenderCommand | CloseCommand
Event = ReadyEvent | ProgressEvent | LoadedEvent | RenderedEvent | FailedEvent

_COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])
_EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def parse_command(line: bytes) -> Command:
    try:
        return _COMMANDS.validate_json(line)
    except ValidationError as error:
        raise ProtocolError(f"not a command: {error.errors(include_url=False)}") from error


def parse_event(line: bytes) -> Event:
    try:
        return _EVENTS.validate_json(line)
    except ValidationError as error:
        raise ProtocolError(f"not an event: {error.errors(include_url=False)}") from error
