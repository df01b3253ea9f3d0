"""``/v1/audit`` of the whole farm, ``/v1/projects/{slug}/audit`` of one project: who did what."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AfterValidator, StringConstraints
from starlette.responses import StreamingResponse

from db.audit import AuditFilter
from jobs.spec import Deadline, plain_text
from serve_app.audit import service
from serve_app.audit.schemas import AuditEntryView, ExportFormat, VerificationView
from serve_app.dependencies import Audit, PageQuery, Services, Tx, Unit
from serve_app.paging import Page
from serve_app.security import Access

router = APIRouter(prefix="/audit", tags=["access"])
project_router = APIRouter(prefix="/projects/{slug}/audit", tags=["access"])

Slug = Annotated[str, Path(max_length=63)]
_Words = Annotated[str, StringConstraints(max_length=300), AfterValidator(plain_text)]
_Seq = Annotated[
    int,
    Query(ge=0, lt=2**63, description="Only entries behind this place of the chain: the last one that you have."),
]
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line for each sealed entry, in the order of the chain.",
        "content": {
            "application/jsonl": {"schema": {"type": "string"}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}
_MEDIA = {ExportFormat.JSONL: "application/jsonl", ExportFormat.CSV: "text/csv; charset=utf-8"}


async def _filter(
    actor: Annotated[_Words | None, Query(description="Id or name of an account or key.")] = None,
    action: Annotated[_Words | None, Query(description="`key.create`; `key.` for all that begin so.")] = None,
    resource_type: Annotated[_Words | None, Query(description="`job`, `key`, `node` …")] = None,
    resource_id: Annotated[_Words | None, Query(description="Id or name of the resource.")] = None,
    since: Annotated[Deadline | None, Query(description="From then on.")] = None,
    until: Annotated[Deadline | None, Query(description="Before then.")] = None,
) -> AuditFilter:
    return AuditFilter(
        actor=actor,
        action=action,
        resource_type=resource_type,
        resource_id=resource_id,
        since=since,
        until=until,
    )


Filter = Annotated[AuditFilter, Depends(_filter)]
Project = Annotated[UUID | None, Query(description="Only of this project.")]


@router.get("")
async def list_audit(
    access: Access, tx: Tx, page: PageQuery, which: Filter, project: Project = None
) -> Page[AuditEntryView]:
    """What was changed on the farm and by whom, newest first."""
    return await service.list_page(tx, which=_of_project(which, project), page=page)


@router.get("/export", response_class=StreamingResponse, responses=_FILE)
async def export_audit(
    access: Access,
    unit: Unit,
    services: Services,
    trail: Audit,
    which: Filter,
    project: Project = None,
    form: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.JSONL,
    after_seq: _Seq = 0,
) -> StreamingResponse:
    """Sealed entries as a file, in the order of the chain. One by one behind `after_seq`, exports miss nothing."""
    return await _export(unit, services, trail, _of_project(which, project), form, after_seq)


@router.get("/verification")
async def verify_audit(
    access: Access,
    unit: Unit,
    services: Services,
    after_seq: _Seq = 0,
    anchor: Annotated[
        str | None,
        Query(
            pattern="^[0-9]{1,18}:[0-9a-f]{64}$",
            description="`sealed_seq:sealed_sha256` of an earlier answer, kept elsewhere: finds a rewritten chain.",
        ),
    ] = None,
) -> VerificationView:
    """Recompute the chain of hashes and name the first place that does not fit."""
    await unit.end()
    return await service.verify(services, after_seq=after_seq, anchor=anchor)


@project_router.get("")
async def list_project_audit(
    slug: Slug, access: Access, tx: Tx, page: PageQuery, which: Filter
) -> Page[AuditEntryView]:
    """What was changed in the project and by whom, newest first."""
    return await service.list_page(tx, which=_of_project(which, access.project_id), page=page)


@project_router.get("/export", response_class=StreamingResponse, responses=_FILE)
async def export_project_audit(
    slug: Slug,
    access: Access,
    unit: Unit,
    services: Services,
    trail: Audit,
    which: Filter,
    form: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.JSONL,
    after_seq: _Seq = 0,
) -> StreamingResponse:
    """Sealed entries of the project as a file, in the order of the chain."""
    return await _export(unit, services, trail, _of_project(which, access.project_id), form, after_seq)


async def _export(
    unit: Unit, services: Services, trail: Audit, which: AuditFilter, form: ExportFormat, after_seq: int
) -> StreamingResponse:
    """What is read ends where the chain did when it was asked for. That somebody took it out is an entry, too."""
    through_seq = await service.sealed_seq(await unit.begin())
    asked = {name: value for name, value in asdict(which).items() if value is not None}
    trail.note("audit", None, after={"format": form, "after_seq": after_seq, "through_seq": through_seq, **asked})
    await unit.end()
    lines = service.export(services, which=which, after_seq=after_seq, through_seq=through_seq, form=form)
    return StreamingResponse(
        lines,
        media_type=_MEDIA[form],
        headers={"Content-Disposition": f'attachment; filename="audit.{form}"'},
    )


def _of_project(which: AuditFilter, project_id: UUID | None) -> AuditFilter:
    return replace(which, project_id=project_id)
