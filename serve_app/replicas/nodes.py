"""Machines: those with live replicas, and those that somebody has said something about."""

from __future__ import annotations

from datetime import timedelta

from db.repositories.replicas import NodeRow, ReplicaRow, list_nodes
from db.session import Transaction
from db.workers import clusters_of_node, drain_node, restart_node, set_node_disabled
from jobs.errors import NotFound
from serve_app.paging import Page
from serve_app.replicas.schemas import DrainNotice, NodeView, Notice
from serve_app.replicas.service import RESTARTED, read_live
from serve_app.services import ApiServices

_DRAINED = "An operator drained its machine."


async def list_all(tx: Transaction, *, services: ApiServices) -> Page[NodeView]:
    """By name."""
    said = {(row.cluster_id, row.name): row for row in await list_nodes(tx)}
    live: dict[tuple[str, str], list[ReplicaRow]] = {key: [] for key in said}
    for row in await read_live(tx, services):
        live.setdefault((row.cluster_id, row.node), []).append(row)
    order = sorted(live, key=lambda key: (key[1], key[0]))
    return Page(items=[_view_of(key, said.get(key), live[key]) for key in order])


async def drain(tx: Transaction, *, name: str, notice: DrainNotice) -> None:
    """In every cluster that has a machine of this name. Raises ``NotFound``."""
    within = None if notice.within_s is None else timedelta(seconds=notice.within_s)
    for cluster_id in await _clusters(tx, name):
        await drain_node(tx, cluster_id=cluster_id, name=name, reason=notice.reason or _DRAINED, within=within)


async def restart(tx: Transaction, *, name: str, notice: Notice) -> None:
    """In every cluster that has a machine of this name. Raises ``NotFound``."""
    for cluster_id in await _clusters(tx, name):
        await restart_node(tx, cluster_id=cluster_id, name=name, reason=notice.reason or RESTARTED)


async def set_disabled(tx: Transaction, *, name: str, disabled: bool, reason: str | None) -> None:
    """In every cluster that has a machine of this name. Raises ``NotFound``."""
    for cluster_id in await _clusters(tx, name):
        await set_node_disabled(tx, cluster_id=cluster_id, name=name, disabled=disabled, reason=reason)


async def read(tx: Transaction, *, name: str, services: ApiServices) -> list[NodeView]:
    """The machines of this name, one for each cluster."""
    return [view for view in (await list_all(tx, services=services)).items if view.name == name]


async def standing_of(tx: Transaction, *, name: str, services: ApiServices) -> dict[str, object]:
    """What an operator may change of the machines of this name, by cluster."""
    return {
        view.cluster: {"disabled": view.disabled, "reason": view.reason, "draining": view.draining}
        for view in await read(tx, name=name, services=services)
    }


async def _clusters(tx: Transaction, name: str) -> list[str]:
    found = await clusters_of_node(tx, name=name)
    if not found:
        raise NotFound(f"There is no machine {name!r}.", remedy="GET /v1/nodes lists them.")
    return found


def _view_of(key: tuple[str, str], said: NodeRow | None, replicas: list[ReplicaRow]) -> NodeView:
    return NodeView(
        name=key[1],
        cluster=key[0],
        disabled=said is not None and said.disabled,
        reason=said.reason if said is not None else None,
        replicas=[row.id for row in replicas],
        draining=sum(row.drain for row in replicas),
        busy=sum(bool(row.current) for row in replicas),
        frames=sum(row.frames for row in replicas),
        failures=sum(row.failures for row in replicas),
    )
