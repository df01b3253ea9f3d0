"""What parent and child say to each other: one JSON object a line over a socket pair.

The child may be running a hostile scene, so the parent believes nothing that does not parse.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

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

    @classmethod
    def of(cls, report: SandboxReport) -> ReadyEvent:
        return cls(
            protocol=PROTOCOL_VERSION,
            network=report.network,
            files=report.files,
            calls=report.calls,
            rights=report.rights,
            nice=report.nice,
        )

    def sandbox(self) -> SandboxReport:
        return SandboxReport(
            network=self.network, files=self.files, calls=self.calls, rights=self.rights, nice=self.nice
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

    @classmethod
    def of(cls, call: int, report: LoadReport) -> LoadedEvent:
        return cls(
            call=call,
            seconds=report.seconds,
            warnings=report.warnings,
            blocked_scripts=report.blocked_scripts,
            details=dict(report.details),
        )

    def report(self) -> LoadReport:
        return LoadReport(
            seconds=self.seconds, warnings=self.warnings, blocked_scripts=self.blocked_scripts, details=self.details
        )


class RenderedEvent(_Message):
    type: Literal["rendered"] = "rendered"
    call: int
    main: Path
    extra: tuple[Path, ...]
    timings_ms: dict[str, float]
    metrics: dict[str, Any]
    warnings: tuple[str, ...]
    log: str = ""

    @classmethod
    def of(cls, call: int, output: FrameOutput, log: str = "") -> RenderedEvent:
        return cls(
            call=call,
            main=output.main,
            extra=output.extra,
            timings_ms=dict(output.timings_ms),
            metrics=dict(output.metrics),
            warnings=output.warnings,
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


class FailedEvent(_Message):
    type: Literal["failed"] = "failed"
    call: int | None
    """``None``: the engine itself could not start."""
    reason: EndReason
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
