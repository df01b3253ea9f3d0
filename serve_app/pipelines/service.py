"""Describes the pipelines of this farm."""

from __future__ import annotations

from db.repositories.replicas import ReplicaRow
from db.session import Transaction
from jobs.errors import NotFound
from pipelines.base import AdvisesSplit, Pipeline
from pipelines.registry import PIPELINES
from serve_app.jobs.admission import checked_settings, require_short
from serve_app.paging import Page
from serve_app.pipelines.schemas import CheckedSettings, PipelineView, SettingsCheck
from serve_app.replicas.service import read_live
from serve_app.services import ApiServices
from serve_app.validation import require_storable


async def list_all(tx: Transaction, services: ApiServices) -> Page[PipelineView]:
    """All pipelines, by name."""
    replicas = await read_live(tx, services)
    return Page(items=[_view_of(PIPELINES[name], replicas) for name in sorted(PIPELINES)])


async def read(tx: Transaction, services: ApiServices, *, name: str) -> PipelineView:
    """One pipeline. Raises ``NotFound``."""
    return _view_of(_require(name), await read_live(tx, services))


def check(*, name: str, asked: SettingsCheck, max_bytes: int) -> CheckedSettings:
    """The settings as a job would have them. Raises ``NotFound``, else what a submit would."""
    pipeline = _require(name)
    checked = checked_settings(pipeline, settings=asked.settings, split=asked.split)
    require_storable(checked, field="settings")
    require_short(checked, max_bytes=max_bytes)
    advice = []
    if isinstance(pipeline, AdvisesSplit):
        advice = pipeline.split_advice(pipeline.settings_type.model_validate(checked), asked.split)
    return CheckedSettings(settings=checked, advice=advice)


def _require(name: str) -> Pipeline:
    pipeline = PIPELINES.get(name)
    if pipeline is None:
        raise NotFound(f"There is no pipeline {name!r}.", remedy=f"There are: {', '.join(sorted(PIPELINES))}.")
    return pipeline


def _view_of(pipeline: Pipeline, replicas: list[ReplicaRow]) -> PipelineView:
    versions = {str(row.engines[pipeline.name]) for row in replicas if pipeline.name in row.engines}
    return PipelineView(
        name=pipeline.name,
        model_kinds=sorted(pipeline.model_kinds),
        installed=pipeline.engine_version(),
        on_replicas=sorted(versions),
        split_modes=sorted(pipeline.split_modes),
        settings_schema=pipeline.settings_type.model_json_schema(),
    )
