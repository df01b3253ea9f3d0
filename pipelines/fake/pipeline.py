"""What the farm knows about the fake pipeline without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipelines.base import OutputFormat
from pipelines.fake.faults import FAULT_ROOT
from pipelines.fake.settings import FakeSettings


class FakePipeline:
    """For tests and load: see ``FakeSettings``."""

    name = "fake"
    model_kinds = frozenset({"fake"})
    settings_type: type[BaseModel] = FakeSettings
    engine_module = "pipelines.fake.engine"

    def engine_version(self) -> str | None:
        return "fake 1"

    def pixel_settings(self, settings: BaseModel) -> dict[str, Any]:
        return settings.model_dump(mode="json", include={"width", "height", "seed"})

    def output(self, settings: BaseModel) -> OutputFormat:
        return OutputFormat(extension=".png", media_type="image/png")

    def frame_size(self, settings: BaseModel) -> tuple[int, int] | None:
        typed = FakeSettings.model_validate(settings, from_attributes=True)
        return typed.width, typed.height

    def seed_of(self, settings: BaseModel) -> int | None:
        return FakeSettings.model_validate(settings, from_attributes=True).seed

    def shared_paths(self) -> tuple[Path, ...]:
        FAULT_ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (FAULT_ROOT,)
