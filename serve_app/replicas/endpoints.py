"""``/v1/replicas`` and ``/v1/nodes``: the workers, and what an operator tells them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator

from db.session import Transaction
from jobs.spec import plain_text
from serve_app.audit.trail import Trail
from serve_app.dependencies import Audit, Services, Tx
from serve_app.openapi import problems
from serve_app.paging import Page
from serve_app.replicas import nodes, service
from serve_app.replicas.schemas import DrainNotice, NodeView, Notice, ReplicaAttempt, ReplicaView
from serve_app.security import Access
from serve_app.services import ApiServices

router = APIRouter(tags=["farm"])

NodeName = Annotated[str, Path(max_length=255, description="As `GET /v1/nodes` lists it."), AfterValidator(plain_text)]


@router.get("/replicas")
async def list_replicas(access: Access, tx: Tx, services: Services) -> Page[ReplicaView]:
    """The live replicas: what they keep loaded and what they render."""
    return await service.list_live(tx, caller=access, services=services)


@router.get("/replicas/{replica_id}")
async def read_replica(replica_id: UUID, access: Access, tx: Tx, services: Services) -> ReplicaView:
    """One live replica."""
    return await service.read(tx, caller=access, services=services, replica_id=replica_id)


@router.get("/replicas/{replica_id}/attempts")
async def list_replica_attempts(
    replica_id: UUID,
    access: Access,
    tx: Tx,
    limit: Annotated[int, Query(ge=1, le=500, description="Tries at most.")] = 50,
) -> Page[ReplicaAttempt]:
    """Its history: the last tries with their outcomes, newest first. Also of a replica that is gone."""
    return await service.attempts(tx, caller=access, replica_id=replica_id, limit=limit)


@router.post("/replicas/{replica_id}/drain", status_code=202, responses=problems(403))
async def drain_replica(
    replica_id: UUID,
    access: Access,
    tx: Tx,
    services: Services,
    trail: Audit,
    notice: DrainNotice | None = None,
) -> ReplicaView:
    """Let a replica finish its frame, give the rest back and leave. Serve starts another one where one is wanted."""
    async with _replica_noted(tx, services, trail, replica_id):
        await service.drain(tx, replica_id=replica_id, notice=notice or DrainNotice())
    return await service.read(tx, caller=access, services=services, replica_id=replica_id)


@router.post("/replicas/{replica_id}/restart", status_code=202, responses=problems(403))
async def restart_replica(
    replica_id: UUID, access: Access, tx: Tx, services: Services, trail: Audit, notice: Notice | None = None
) -> ReplicaView:
    """Let a replica finish its frame, give the rest back and end; Serve puts a new process in its place, with new
    engines. The new one is enabled: who disabled a replica for good disables its machine."""
    async with _replica_noted(tx, services, trail, replica_id):
        asked = DrainNotice(reason=(notice or Notice()).reason or service.RESTARTED)
        await service.drain(tx, replica_id=replica_id, notice=asked)
    return await service.read(tx, caller=access, services=services, replica_id=replica_id)


@router.post("/replicas/{replica_id}/disable", responses=problems(403))
async def disable_replica(
    replica_id: UUID, access: Access, tx: Tx, services: Services, trail: Audit, notice: Notice | None = None
) -> ReplicaView:
    """Give a replica no new work; it finishes its chunk and stays up."""
    async with _replica_noted(tx, services, trail, replica_id):
        await service.set_disabled(tx, replica_id=replica_id, disabled=True, reason=(notice or Notice()).reason)
    return await service.read(tx, caller=access, services=services, replica_id=replica_id)


@router.post("/replicas/{replica_id}/enable", responses=problems(403))
async def enable_replica(replica_id: UUID, access: Access, tx: Tx, services: Services, trail: Audit) -> ReplicaView:
    """Give a disabled replica work again. A drain cannot be taken back."""
    async with _replica_noted(tx, services, trail, replica_id):
        await service.set_disabled(tx, replica_id=replica_id, disabled=False)
    return await service.read(tx, caller=access, services=services, replica_id=replica_id)


@router.get("/nodes")
async def list_nodes(access: Access, tx: Tx, services: Services) -> Page[NodeView]:
    """The machines: their replicas, and whether they get work."""
    return await nodes.list_all(tx, services=services)


@router.post("/nodes/{name}/drain", status_code=202, responses=problems(403))
async def drain_node(
    name: NodeName, access: Access, tx: Tx, services: Services, trail: Audit, notice: DrainNotice | None = None
) -> list[NodeView]:
    """Disable a machine and drain all its replicas; with `within_s`, before it goes: a spot notice."""
    async with _node_noted(tx, services, trail, name):
        await nodes.drain(tx, name=name, notice=notice or DrainNotice())
    return await nodes.read(tx, name=name, services=services)


@router.post("/nodes/{name}/restart", status_code=202, responses=problems(403))
async def restart_node(
    name: NodeName, access: Access, tx: Tx, services: Services, trail: Audit, notice: Notice | None = None
) -> list[NodeView]:
    """Restart all replicas of a machine: each finishes its frame and is replaced. The machine stays enabled."""
    async with _node_noted(tx, services, trail, name):
        await nodes.restart(tx, name=name, notice=notice or Notice())
    return await nodes.read(tx, name=name, services=services)


@router.post("/nodes/{name}/disable", responses=problems(403))
async def disable_node(
    name: NodeName, access: Access, tx: Tx, services: Services, trail: Audit, notice: Notice | None = None
) -> list[NodeView]:
    """Give a machine no new work, nor replicas that start on it later."""
    async with _node_noted(tx, services, trail, name):
        await nodes.set_disabled(tx, name=name, disabled=True, reason=(notice or Notice()).reason)
    return await nodes.read(tx, name=name, services=services)


@router.post("/nodes/{name}/enable", responses=problems(403))
async def enable_node(name: NodeName, access: Access, tx: Tx, services: Services, trail: Audit) -> list[NodeView]:
    """Give a disabled machine work again. Its replicas that drain leave all the same."""
    async with _node_noted(tx, services, trail, name):
        await nodes.set_disabled(tx, name=name, disabled=False, reason=None)
    return await nodes.read(tx, name=name, services=services)


def _replica_noted(
    tx: Transaction, services: ApiServices, trail: Trail, replica_id: UUID
) -> AbstractAsyncContextManager[None]:
    look = partial(service.standing_of, tx, services=services, replica_id=replica_id)
    return trail.changing("replica", replica_id, look)


def _node_noted(tx: Transaction, services: ApiServices, trail: Trail, name: str) -> AbstractAsyncContextManager[None]:
    return trail.changing("node", name, partial(nodes.standing_of, tx, name=name, services=services))
