"""The pipelines of this farm, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jobs.errors import InvalidInput
from pipelines.base import Pipeline
from pipelines.cycles.pipeline import CyclesPipeline
from pipelines.diffusion.pipeline import DiffusionPipeline
from pipelines.fake.pipeline import FakePipeline
from pipelines.mitsuba.pipeline import MitsubaPipeline
from pipelines.splats.pipeline import SplatsPipeline

PIPELINES: Mapping[str, Pipeline] = MappingProxyType(
    {
        pipeline.name: pipeline
        for pipeline in (CyclesPipeline(), DiffusionPipeline(), MitsubaPipeline(), SplatsPipeline(), FakePipeline())
    }
)


def get_pipeline(name: str) -> Pipeline:
    pipeline = PIPELINES.get(name)
    if pipeline is None:
        raise InvalidInput(
            f"There is no pipeline {name!r}.", field="pipeline", remedy=f"Use one of: {', '.join(sorted(PIPELINES))}."
        )
    return pipeline


def pipelines_of_kind(kind: str) -> list[str]:
    """Names of all that take models of this kind."""
    return [pipeline.name for pipeline in PIPELINES.values() if kind in pipeline.model_kinds]


def pipeline_of_kind(kind: str) -> Pipeline:
    """The one that takes models of this kind, and probes them."""
    return next(pipeline for pipeline in PIPELINES.values() if kind in pipeline.model_kinds)
