"""Registers models and reads them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from cluster.tracing import current_traceparent
from db.repositories.filters import ALWAYS, Span
from db.repositories.models import ModelRow, get_model, list_models, model_state, set_keep_warm
from db.session import Transaction
from db.submit import register_model
from jobs.errors import InvalidInput, NotFound, TooLarge
from models.kinds import ModelKind
from models.manifest import Manifest
from serve_app.conditional import Version, digest_of
from serve_app.models.schemas import ModelChange, ModelDetail, ModelState, ModelView, NewModel
from serve_app.paging import Page, PageRequest, cursor_of
from serve_app.places import TooManyAtOnce
from serve_app.services import ApiServices
from serve_app.unit_of_work import UnitOfWork
from serve_app.validation import require_storable

Asked = ParamSpec("Asked")
Made = TypeVar("Made")

_AT_ONCE = 2000
"""Files and references that are made ready without a thread, in some ten milliseconds."""


class ModelSort(StrEnum):
    """What the list goes by."""

    NEWEST = "-created_at"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFilter:
    """What a model must be to be listed; None and empty: anything."""

    states: Sequence[ModelState] = ()
    kinds: Sequence[ModelKind] = ()
    name_part: str | None = None
    created: Span = ALWAYS


async def register(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, new: NewModel
) -> tuple[ModelRow, bool]:
    """The model, and whether it is new to the project. Raises ``InvalidInput`` naming blobs that it lacks, and
    ``TooLarge`` for a file in chunks that could not have been uploaded whole. No connection is held while a large
    manifest is made ready."""
    max_file_bytes = services.storage_settings.max_blob_bytes
    manifest = new.manifest
    for file in manifest.files:
        if file.chunks and file.size_bytes > max_file_bytes:
            raise TooLarge(
                f"{file.path} has {file.size_bytes} bytes; a file may have {max_file_bytes}.",
                field="manifest.files",
                remedy="Ask the operator to raise RAYFARM_STORAGE_MAX_BLOB_BYTES if it is no mistake.",
                limit=max_file_bytes,
            )
    if new.kind is not None and new.kind is not manifest.kind:
        raise InvalidInput(
            f"The request says {new.kind}, its manifest {manifest.kind}.", field="kind", remedy="Leave out kind."
        )
    await unit.end()
    manifest_json, digest = await _aside(services, manifest, _ready, new)
    tx = await unit.begin()
    registered = await register_model(
        tx,
        project_id=project_id,
        name=new.name,
        manifest_json=manifest_json,
        kind=manifest.kind.value,
        digest=digest,
        max_models=services.limits.max_models_per_project,
        traceparent=current_traceparent(),
        max_waiting_probes=services.settings.max_waiting_probes_per_project,
    )
    return await require_model(tx, project_id=project_id, model_id=registered.id), registered.created


async def detail_of_registered(services: ApiServices, new: NewModel, row: ModelRow) -> ModelDetail:
    """The model that was just registered as the API shows it."""
    return await _aside(services, new.manifest, detail_of, row)


async def _aside(
    services: ApiServices, manifest: Manifest, work: Callable[Asked, Made], *args: Asked.args, **options: Asked.kwargs
) -> Made:
    """In a thread where the manifest is so long that other requests would wait."""
    if sum(1 + len(file.chunks) for file in manifest.files) + len(manifest.remap) <= _AT_ONCE:
        return work(*args, **options)
    async with services.body_threads:
        return await asyncio.to_thread(work, *args, **options)


def _ready(new: NewModel) -> tuple[dict[str, Any], str]:
    """The manifest as it is stored, and its digest. Raises ``InvalidInput`` for text that no column holds."""
    require_storable(new.name, field="name")
    require_storable(new.manifest.remap, field="manifest.remap")
    return new.manifest.model_dump(mode="json"), new.manifest.digest()


async def list_page(
    tx: Transaction, *, project_id: UUID, page: PageRequest, wanted: ModelFilter, sort: ModelSort
) -> Page[ModelView]:
    """A page in the order of ``sort``. Its cursor is of that order: with another one it is refused."""
    by_name = sort is ModelSort.NAME
    read_key: Callable[[str], datetime | str] = str if by_name else datetime.fromisoformat
    after = page.after(partial(_require_sort, sort), read_key, UUID)
    rows = await list_models(
        tx,
        project_id=project_id,
        states=wanted.states,
        kinds=wanted.kinds,
        name_part=wanted.name_part,
        created=wanted.created,
        by_name=by_name,
        after=(read_key(after[1]), UUID(after[2])) if after else None,
        limit=page.limit + 1,
    )
    more = len(rows) > page.limit
    shown = rows[: page.limit]
    return Page(items=[_view_of(row) for row in shown], next_cursor=_cursor_behind(shown[-1], sort) if more else None)


async def read(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, model_id: UUID, wait_s: float
) -> ModelDetail:
    """The model; with ``wait_s`` as soon as it is no longer being probed, or at once where the project has no place to
    wait in. No connection is held while waiting."""
    wait_s = min(wait_s, services.settings.max_wait.total_seconds())
    if wait_s > 0:
        try:
            services.waits.require_one(project_id)
        except TooManyAtOnce:
            wait_s = 0
    if wait_s > 0:
        with services.waits.take(project_id):
            await _wait_for_probe(unit, services, project_id=project_id, model_id=model_id, wait_s=wait_s)
    return detail_of(await require_model(await unit.begin(), project_id=project_id, model_id=model_id))


async def _wait_for_probe(
    unit: UnitOfWork, services: ApiServices, *, project_id: UUID, model_id: UUID, wait_s: float
) -> None:
    ends_at = time.monotonic() + wait_s
    while True:
        state = await model_state(await unit.begin(), project_id=project_id, model_id=model_id)
        await unit.end()
        if state != ModelState.PROBING or time.monotonic() >= ends_at:
            return
        await asyncio.sleep(services.settings.wait_poll.total_seconds())


async def change(
    tx: Transaction, *, project_id: UUID, model_id: UUID, change: ModelChange, if_match: str | None
) -> ModelDetail:
    """Raises ``InvalidInput`` for a model that no replica could load, ``PreconditionFailed`` where somebody was
    faster."""
    row = await require_model(tx, project_id=project_id, model_id=model_id, hold=True)
    version_of(detail_of(row)).require(if_match)
    if change.keep_warm and row.state in (ModelState.INVALID, ModelState.INCOMPLETE):
        raise InvalidInput(
            f"The model is {row.state}: no replica can load it.",
            field="keep_warm",
            remedy=_view_of(row).remedy or "Register a version that can be rendered, and keep that one warm.",
        )
    await set_keep_warm(tx, project_id=project_id, model_id=model_id, keep=change.keep_warm)
    return detail_of(await require_model(tx, project_id=project_id, model_id=model_id))


async def require_model(tx: Transaction, *, project_id: UUID, model_id: UUID, hold: bool = False) -> ModelRow:
    """Raises ``NotFound`` for a model that is not the project's. ``hold``: nobody else changes it meanwhile."""
    row = await get_model(tx, project_id=project_id, model_id=model_id, hold=hold)
    if row is None:
        raise NotFound("There is no such model in this project.", remedy="GET /v1/models lists them.")
    return row


def missing_of(*, probe: Mapping[str, Any] | None, problem: Mapping[str, Any] | None) -> list[Any]:
    """Files that the model refers to and lacks."""
    found = (problem or {}).get("missing") or (probe or {}).get("missing") or ()
    return list(found)


def detail_of(row: ModelRow) -> ModelDetail:
    """A row as the API shows it."""
    return ModelDetail(**_view_of(row).model_dump(), manifest=row.manifest, probe=row.probe)


def version_of(model: ModelDetail) -> Version:
    """Manifest and probe are left out: the first never changes, and the second comes with a state."""
    return Version(revision=digest_of(model.model_dump_json(exclude={"manifest", "probe"})))


def _require_sort(sort: ModelSort, text: str) -> None:
    if text != sort:
        raise ValueError(text)


def _cursor_behind(row: ModelRow, sort: ModelSort) -> str:
    return cursor_of(sort, row.name if sort is ModelSort.NAME else row.created_at.isoformat(), row.id)


def _view_of(row: ModelRow) -> ModelView:
    problem = row.problem
    remedy = (problem or {}).get("remedy")
    if remedy is None and row.state == ModelState.INCOMPLETE:
        remedy = "Upload the missing files and register the model again with all of them in its manifest."
    return ModelView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        digest=row.digest,
        state=ModelState(row.state),
        problem=problem,
        remedy=remedy,
        missing=missing_of(probe=row.probe, problem=problem),
        keep_warm=row.keep_warm,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
