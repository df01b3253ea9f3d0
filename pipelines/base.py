"""The contract between the farm and a way to make pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel

from jobs.frames import FrameRange
from jobs.spec import Split, SplitMode


class Tally(NamedTuple):
    """What an engine has counted of a frame."""

    done: int
    total: int
    unit: str
    """In the plural: ``samples``, ``steps``."""


class ProgressCallback(Protocol):
    """Called with the fraction done (0 to 1), a line for people, and what was counted, where anything was."""

    def __call__(self, fraction: float, text: str, tally: Tally | None = None, /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """What file a pipeline writes for a frame."""

    extension: str
    """With its dot: ``.png``."""
    media_type: str

    def file_name(self, frame: int) -> str:
        """Of a frame's picture, as people see it: ``frame_0042.png``."""
        return f"frame_{frame:04d}{self.extension}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """A model materialised on this machine."""

    digest: str
    root: Path
    """Folder that holds the files by their manifest paths."""
    main: str
    """Manifest path of the file to open."""
    remap: Mapping[str, str] = field(default_factory=dict)
    """Raw reference as stored in the model → manifest path."""

    @property
    def main_path(self) -> Path:
        return self.root / self.main


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What an engine says after it opened a model."""

    seconds: float
    warnings: tuple[str, ...] = ()
    blocked_scripts: tuple[str, ...] = ()
    """Scripts and drivers of the model that were not allowed to run, named for the user."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Facts that only this engine knows, JSON-able."""
    crops: bool = False
    """The scene cuts its pictures: they may be smaller than ``Pipeline.frame_size`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePart:
    """The slice of a frame that is asked for."""

    number: int
    """From 0."""
    of: int
    """Into how many slices the frame is split."""
    mode: SplitMode
    """Never ``none``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRequest:
    """One frame to render with the loaded model."""

    id: str
    frame: int
    settings: Mapping[str, Any]
    """The pipeline's settings as JSON-able data; validated again where they are used."""
    scratch: Path
    """Folder of this try alone; the engine writes nowhere else. It must lie under the host's ``workdir``."""
    part: FramePart | None = None
    """None: the whole frame."""
    preview_every_s: float | None = None
    """How often a picture of what has been rendered so far is wanted, where the engine can; None: none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameOutput:
    """Files and figures of a rendered frame."""

    main: Path
    extra: tuple[Path, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    log: str = ""
    """The end of what the engine's process printed for this frame; the engine itself leaves it empty."""


class Engine(Protocol):
    """The renderer itself. Lives in a child process, on its main thread; raises ``EngineError`` for what it refuses."""

    def load(self, model: ModelFiles) -> LoadReport: ...

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput: ...


class Pipeline(Protocol):
    """Describes a way to make pixels without importing its engine."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str:
        """Who opens its models, for sentences: ``Blender``, ``Mitsuba``."""
        ...

    @property
    def model_kinds(self) -> frozenset[str]: ...

    @property
    def settings_type(self) -> type[BaseModel]: ...

    @property
    def engine_module(self) -> str:
        """Imported only in the child; exposes ``def create_engine() -> Engine``."""
        ...

    @property
    def probe_module(self) -> str:
        """Like ``engine_module``, for the throwaway process that opens an uploaded model first. Its engine renders
        nothing; the details of its ``LoadReport`` are a ``models.probe.SceneFacts``."""
        ...

    def engine_version(self) -> str | None:
        """Name and version of the installed engine; ``None`` when it is not installed here."""
        ...

    def pixel_settings(self, settings: BaseModel) -> dict[str, Any]:
        """The settings that can change a pixel; part of the frame's fingerprint."""
        ...

    def check_scene(self, settings: BaseModel, facts: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` where these settings cannot render the scene whose probe found ``facts``."""
        ...

    def required_labels(self, settings: BaseModel) -> Mapping[str, str]:
        """Labels that a replica must have to render with these settings at all; see ``jobs.labels``."""
        ...

    def output(self, settings: BaseModel) -> OutputFormat: ...

    def frame_size(self, settings: BaseModel) -> tuple[int, int] | None:
        """Width and height in pixels that the settings alone settle; None where the scene has a say."""
        ...

    def seed_of(self, settings: BaseModel) -> int | None: ...

    @property
    def split_modes(self) -> frozenset[SplitMode]:
        """Ways in which one frame may be shared out over replicas; ``none`` is not named."""
        ...

    def check_split(self, settings: BaseModel, split: Split) -> None:
        """Refuse settings whose frames cannot be split so. Raises ``InvalidInput``; the mode is one of its own."""
        ...

    def merge(self, parts: Sequence[Path], target: Path, *, settings: BaseModel, frame: int, split: Split) -> None:
        """Write the frame that all its parts make together; their order is that of their numbers.

        A pure function over files: the same parts give the same bytes. Raises ``InvalidInput`` for parts that do not
        fit each other.
        """
        ...

    def shared_paths(self) -> tuple[Path, ...]:
        """Folders that all engines of this pipeline on this machine write besides their ``workdir`` (caches)."""
        ...


@runtime_checkable
class SplitsByScene(Protocol):
    """A pipeline whose scenes have a say in whether their frames can be split."""

    def check_scene_split(self, settings: BaseModel, split: Split, facts: Mapping[str, Any]) -> None:
        """Refuse a split of the scene whose probe found ``facts``. Raises ``InvalidInput``."""
        ...


@runtime_checkable
class SettlesByScene(Protocol):
    """A pipeline with settings that follow from what lies in the model where a job leaves them out."""

    def settled(self, settings: BaseModel, facts: Mapping[str, Any]) -> BaseModel:
        """The settings as they are stored, so that fingerprints tell them; the probe found ``facts``. What is set
        stays."""
        ...


@runtime_checkable
class SizedByScene(Protocol):
    """A pipeline whose frames are as large as the scene says where the settings do not."""

    def scene_frame_size(self, settings: BaseModel, facts: Mapping[str, Any]) -> tuple[int, int] | None:
        """Width and height in pixels of a whole frame, at most, of the scene whose probe found ``facts``."""
        ...


@runtime_checkable
class ChecksFrames(Protocol):
    """A pipeline that cannot render just any frame of a scene."""

    def check_frames(self, settings: BaseModel, facts: Mapping[str, Any], frames: FrameRange) -> None:
        """Refuse frames that these settings leave without something, in the scene whose probe found ``facts``; it has
        passed ``check_scene``. Raises ``InvalidInput``."""
        ...


@runtime_checkable
class TrustsFolders(Protocol):
    """A pipeline whose engines read what the farm made for all of them, and none of them may change."""

    def trusted_paths(self) -> tuple[Path, ...]:
        """Folders that every engine of this pipeline reads. Asked before each start of one; does not wait."""
        ...


@runtime_checkable
class KeepsKernels(Protocol):
    """A pipeline whose drivers compile code for the card, for minutes, and keep it in folders."""

    def kernel_folders(self) -> Mapping[str, str]:
        """Environment variable that names such a folder to the driver -> the folder's name; none without a card."""
        ...


@runtime_checkable
class MixesSound(Protocol):
    """A pipeline whose scenes may have sound. Their probe says so by the detail ``sound``."""

    @property
    def sound_module(self) -> str:
        """Like ``engine_module``; ``render`` takes a ``pipelines.sound_format.SoundRange`` as settings, and its output
        is a WAV of that format."""
        ...


@runtime_checkable
class AdvisesSplit(Protocol):
    """A pipeline that can say what a split pays."""

    def split_advice(self, settings: BaseModel, split: Split) -> list[str]:
        """Sentences for people; the split is one that ``check_split`` passes, or none."""
        ...
