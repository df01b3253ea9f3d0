"""What a pipeline looks like from outside."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from jobs.spec import MAX_SETTINGS, Split


class PipelineView(BaseModel):
    """A way to make pixels."""

    name: str = Field(examples=["cycles"])
    model_kinds: list[str] = Field(description="Kinds of models that it takes.", examples=[["blender"]])
    installed: str | None = Field(
        description="Engine and version beside this API; null: not installed there.", examples=["bpy 5.0.1"]
    )
    on_replicas: list[str] = Field(description="Engine versions that the live replicas run.", examples=[["bpy 5.0.1"]])
    split_modes: list[str] = Field(
        description="Ways in which it can share out one frame over replicas (`split.mode` of a job).",
        examples=[["borders", "samples"]],
    )
    settings_schema: dict[str, Any] = Field(description="JSON Schema of `settings` in a job.")


class SettingsCheck(BaseModel):
    """What of a job concerns its pipeline alone."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any] = Field(default_factory=dict, max_length=MAX_SETTINGS, examples=[{"samples": 64}])
    split: Split = Field(default_factory=Split, description="One frame over several replicas.")


class CheckedSettings(BaseModel):
    """Settings that a job may have."""

    settings: dict[str, Any] = Field(description="As they would be stored.", examples=[{"samples": 64}])
    advice: list[str] = Field(
        default_factory=list,
        description="What the split pays, where the pipeline can say.",
        examples=[["The largest part has 3 of 7 samples, so at best 2.33 times."]],
    )
