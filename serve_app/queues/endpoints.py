"""``/v1/queues…`` and ``/v1/blocklists``: what waits, for what, what fails, and which machines have failed whom."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, Field

from jobs.planning import WaitReason
from jobs.spec import plain_text
from serve_app.dependencies import Audit, Services, Tx
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.queues import service
from serve_app.queues.schemas import BlockReset, BlocksForgotten, FarmBlock, Queues, TroubledJob
from serve_app.security import Access

router = APIRouter(tags=["farm"])

NodeName = Annotated[str, Field(max_length=255), AfterValidator(plain_text)]


@router.get("/queues", responses=problems(403))
async def read_queues(access: Access, tx: Tx, services: Services) -> Queues:
    """The whole queue in counts: by class with the reasons for waiting, by pool, and by project with its share."""
    return await service.read_queues(
        tx, replica_timeout=services.settings.replica_timeout, half_life=services.plan.share_half_life
    )


@router.get("/queues/waiting", responses=problems(403))
async def list_waiting_jobs(
    access: Access,
    tx: Tx,
    reason: Annotated[WaitReason | None, Query(description="For this alone.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Jobs at most.")] = 200,
) -> Page[TroubledJob]:
    """Jobs of all projects that have work and no replica for it, and why; the most urgent first, then the oldest."""
    return Page(items=await service.list_waiting(tx, reason=reason, limit=limit))


@router.get("/queues/failing", responses=problems(403))
async def list_failing_jobs(
    access: Access,
    tx: Tx,
    limit: Annotated[int, Query(ge=1, le=1000, description="Jobs at most.")] = 50,
) -> Page[TroubledJob]:
    """Jobs of all projects with frames that failed for good, the most first; of those that ended, of the last day."""
    return Page(items=await service.list_failing(tx, limit=limit))


@router.get("/blocklists", responses=problems(403))
async def list_blocklists(
    access: Access,
    tx: Tx,
    node: Annotated[NodeName | None, Query(description="Of this machine alone.")] = None,
    blocked: Annotated[bool, Query(description="Only where the job's work no longer goes there.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000, description="Lines at most.")] = 200,
) -> Page[FarmBlock]:
    """Machines that have failed jobs of any project; the newest block first. Jobs that have ended are left out."""
    return Page(items=await service.read_blocks(tx, node=node, blocked_only=blocked, limit=limit))


@router.post("/blocklists/reset", responses=problems(403))
async def reset_blocklists(asked: BlockReset, access: Access, tx: Tx, trail: Audit) -> BlocksForgotten:
    """A machine is well again: forget its failures for the jobs of all projects, a few hundred with each request."""
    done = await service.forget(tx, node=asked.node)
    if done.jobs:
        trail.note("node", asked.node, after={"jobs": done.jobs})
    else:
        trail.nothing_changed()
    return done
