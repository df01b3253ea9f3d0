"""What the farm knows about the fake pipeline without running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.errors import InvalidInput
from jobs.spec import Split, SplitMode
from pipelines.base import OutputFormat
from pipelines.fake.faults import FAULT_ROOT
from pipelines.fake.settings import FakeSettings
from pipelines.fake.split import merge_parts


class FakePipeline:
    """For tests and load: see ``FakeSettings``."""

    name = "fake"
    title = "Fake"
    model_kinds = frozenset({"fake"})
    settings_type: type[BaseModel] = FakeSettings
    engine_module = "pipelines.fake.engine"
    probe_module = "pipelines.fake.engine"
    """Never asked for: any file will do."""
    split_modes = frozenset({SplitMode.BORDERS, SplitMode.SAMPLES})

    def engine_version(self) -> str | None:
        return "fake 1"

    def pixel_settings(self, settings: BaseModel) -> dict[str, Any]:
        return settings.model_dump(mode="json", include={"width", "height", "seed", "samples"})

    def check_scene(self, settings: BaseModel, facts: Mapping[str, Any]) -> None:
        """Takes any."""

    def required_labels(self, settings: BaseModel) -> Mapping[str, str]:
        """Renders anywhere."""
        return {}

    def output(self, settings: BaseModel) -> OutputFormat:
        return OutputFormat(extension=".png", media_type="image/png")

    def frame_size(self, settings: BaseModel) -> tuple[int, int] | None:
        typed = FakeSettings.model_validate(settings, from_attributes=True)
        return typed.width, typed.height

    def seed_of(self, settings: BaseModel) -> int | None:
        return _typed(settings).seed

    def check_split(self, settings: BaseModel, split: Split) -> None:
        samples = _typed(settings).samples
        if split.mode is SplitMode.SAMPLES and samples < split.parts:
            raise InvalidInput(
                f"{samples} samples cannot be shared out over {split.parts} parts.",
                field="split.parts",
                remedy="Ask for fewer parts, or raise settings.samples.",
            )

    def merge(self, parts: Sequence[Path], target: Path, *, settings: BaseModel, frame: int, split: Split) -> None:
        merge_parts(parts, target, settings=_typed(settings), frame=frame, split=split)

    def shared_paths(self) -> tuple[Path, ...]:
        FAULT_ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (FAULT_ROOT,)


def _typed(settings: BaseModel) -> FakeSettings:
    return FakeSettings.model_validate(settings, from_attributes=True)
