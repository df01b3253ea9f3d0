"""What the farm knows about splats without importing a rasteriser."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.errors import InvalidInput
from jobs.frames import FrameRange
from jobs.labels import DEVICE_LABEL, ON_GPU
from jobs.spec import Split, SplitMode
from pipelines.base import OutputFormat
from pipelines.pictures import OUTPUTS
from pipelines.splats.build_cuda import built, gsplat_folder
from pipelines.splats.build_kernels import start_build
from pipelines.splats.cameras import FIRST_FRAME
from pipelines.splats.kernel_cache import kernel_cache
from pipelines.splats.settings import (
    Device,
    FileCameras,
    InlineCameras,
    SplatsSettings,
    check_distortion,
    check_size,
)

RASTERISER_VERSION = "1"
"""Of our own; raised with every change that changes pixels."""
_SHOWN_FILES = 5
"""Camera files of a model named in one sentence."""
_WHOLE = "A frame of splats is drawn whole, on one replica: it takes a fraction of a second."


class SplatsPipeline:
    """Clouds of gaussians, rasterised."""

    name = "splats"
    title = "the splat reader"
    model_kinds = frozenset({"splats"})
    settings_type: type[BaseModel] = SplatsSettings
    engine_module = "pipelines.splats.engine"
    probe_module = "pipelines.splats.probe"
    split_modes: frozenset[SplitMode] = frozenset()

    def engine_version(self) -> str | None:
        """Both rasterisers, of those that can be used: which one drew a frame is said by its device."""
        try:
            numba = importlib.metadata.version("numba")
        except importlib.metadata.PackageNotFoundError:
            return None
        return f"splats {RASTERISER_VERSION} (numba {numba}{_gsplat_version()})"

    def pixel_settings(self, settings: BaseModel) -> dict[str, Any]:
        """All of them: the files beside a frame are part of it."""
        return settings.model_dump(mode="json", exclude_none=True)

    def settled(self, settings: BaseModel, facts: Mapping[str, Any]) -> BaseModel:
        """Along the model's own path where it has exactly one, as its probe's frames and size say."""
        files = facts.get("cameras", ())
        known = "camera_sizes" in (facts.get("details") or {})  # else of another pipeline, or of an old probe
        if "cameras" in settings.model_fields_set or not known or len(files) != 1:
            return settings
        return settings.model_copy(update={"cameras": FileCameras(type="file", path=files[0])})

    def check_scene(self, settings: BaseModel, facts: Mapping[str, Any]) -> None:
        """The camera file must be one that the probe found and could read, and its pictures not too large."""
        own = _typed(settings)
        cameras = own.cameras
        if not isinstance(cameras, FileCameras):
            return
        details = facts.get("details") or {}
        if "camera_sizes" not in details:  # probed by something that did not look
            return
        sizes = dict(zip(facts.get("cameras", ()), details["camera_sizes"], strict=True))
        if cameras.path not in sizes:
            problems = [each for each in details["unusable_cameras"] if each.startswith(f"{cameras.path}: ")]
            raise InvalidInput(
                f"The cameras cannot be used: {problems[0]}"
                if problems
                else f"The model has no camera file {cameras.path!r}.",
                field="settings.cameras.path",
                remedy=f"{_instead(sorted(sizes))}, or leave cameras out for the default.",
            )
        try:
            check_distortion(cameras.path in details["distorted_cameras"], cameras)
        except ValueError as error:
            raise InvalidInput(
                f"{cameras.path}: {error}.",
                field="settings.cameras",
                remedy=f'Set cameras to {{"type": "file", "path": "{cameras.path}", "ignore_distortion": true}}, or to '
                '{"type": "orbit"}.',
            ) from error
        width, height = map(int, sizes[cameras.path].split("x"))
        size = own.size_of((width, height))
        if size is not None:
            check_size(*size)

    def check_frames(self, settings: BaseModel, facts: Mapping[str, Any], frames: FrameRange) -> None:
        """Each frame of a path needs a camera; an orbit has one for every frame."""
        own = _typed(settings)
        count, whose = _camera_count(own, facts)
        if count is None:
            return
        lowest = min(min(run.first, run.last) for run in frames.runs)
        highest = max(max(run.first, run.last) for run in frames.runs)
        last = FIRST_FRAME + count - 1
        if lowest >= FIRST_FRAME and highest <= last:
            return
        raise InvalidInput(
            f"There is no camera for frame {lowest if lowest < FIRST_FRAME else highest}: {whose} hold {count}, one a "
            f"frame from frame {FIRST_FRAME}.",
            field="frames",
            remedy=f"Render frames {FIRST_FRAME} to {last}, or give a path of more cameras.",
        )

    def required_labels(self, settings: BaseModel) -> Mapping[str, str]:
        """A GPU where the job is never to be drawn on a CPU."""
        return {DEVICE_LABEL: ON_GPU} if _typed(settings).device is Device.CUDA else {}

    def output(self, settings: BaseModel) -> OutputFormat:
        return OUTPUTS[_typed(settings).format]

    def frame_size(self, settings: BaseModel) -> tuple[int, int] | None:
        own = _typed(settings)
        return own.size_of(own.own_size())

    def seed_of(self, settings: BaseModel) -> int | None:
        """Nothing is random here."""
        return None

    def check_split(self, settings: BaseModel, split: Split) -> None:
        raise InvalidInput(_WHOLE, field="split.mode")

    def merge(self, parts: Sequence[Path], target: Path, *, settings: BaseModel, frame: int, split: Split) -> None:
        raise InvalidInput(_WHOLE, field="split.mode")

    def shared_paths(self) -> tuple[Path, ...]:
        """None: compiled kernels are code, and no engine runs what another wrote."""
        return ()

    def trusted_paths(self) -> tuple[Path, ...]:
        """Where the compiled rasteriser is: 16 s of CPU to build, read in a fraction of a second."""
        start_build()
        return (kernel_cache(),)


def _instead(files: Sequence[str]) -> str:
    """What to do about a camera file that the model lacks; ``files`` are those that it has."""
    shown = ", ".join(files[:_SHOWN_FILES])
    beside = "upload it beside the cloud and register the model again"
    return f"Use {shown}, or {beside}" if files else beside.capitalize()


def _camera_count(settings: SplatsSettings, facts: Mapping[str, Any]) -> tuple[int | None, str]:
    """How many cameras there are, and whose; None: one for every frame, or more than the probe can tell."""
    cameras = settings.cameras
    if isinstance(cameras, InlineCameras):
        return len(cameras.parsed.cameras), "the settings' cameras"
    if not isinstance(cameras, FileCameras):
        return None, ""
    details = facts.get("details") or {}
    counts = dict(zip(facts.get("cameras", ()), details.get("camera_counts", ()), strict=False))
    return (int(counts[cameras.path]) if cameras.path in counts else None), f"the cameras of {cameras.path}"


def _gsplat_version() -> str:
    """Only where its kernels are built: where they are not, a machine with a card draws on its CPU all the same."""
    folder = gsplat_folder()
    if folder is None or not built(folder).is_file():
        return ""
    try:
        return f", gsplat {importlib.metadata.version('gsplat')}"
    except importlib.metadata.PackageNotFoundError:  # a folder of that name that nobody installed
        return ""


def _typed(settings: BaseModel) -> SplatsSettings:
    if not isinstance(settings, SplatsSettings):
        raise TypeError(f"expected SplatsSettings, got {type(settings).__name__}")
    return settings
