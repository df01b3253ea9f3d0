"""What an operator, or the leader, says to workers: drain, disable, enable; of one replica or of a whole machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from db._query import as_json, run
from db.dispatch.leadership import hold_epoch
from db.listen import DISPATCH
from db.session import Database, Transaction


async def drain_replica(
    tx: Transaction, *, replica_id: UUID, reason: str = "An operator drained it.", within: timedelta | None = None
) -> bool:
    """It finishes its frame, gives the rest back and leaves; False: it is gone or unknown.

    ``within``: its machine goes then, so a frame that still renders is given back shortly before. What waits at the
    replica is free for others at once.
    """
    told = await run(tx, "drain_replica", replica_id=replica_id, reason=reason, within=within)
    if told.one_or_none() is None:
        return False
    await run(tx, "unassign_from_replica", replica_id=replica_id)
    return True


async def set_replica_disabled(tx: Transaction, *, replica_id: UUID, disabled: bool, reason: str | None = None) -> bool:
    """A disabled replica finishes its chunk and gets no other; False: it is gone or unknown."""
    done = await run(tx, "disable_replica", replica_id=replica_id, disabled=disabled, reason=reason)
    if done.one_or_none() is None:
        return False
    if disabled:
        await run(tx, "unassign_from_replica", replica_id=replica_id)
    await run(tx, "notify", channel=DISPATCH, payload="replica")
    return True


async def clusters_of_node(tx: Transaction, *, name: str) -> list[str]:
    """Clusters that have, or had, a machine of this name."""
    return list((await run(tx, "clusters_of_node", name=name)).scalars().all())


async def set_node_disabled(
    tx: Transaction, *, cluster_id: str, name: str, disabled: bool, reason: str | None = None
) -> None:
    """A disabled machine gets no new work, nor do replicas that start on it later."""
    await run(tx, "set_node", cluster_id=cluster_id, name=name, disabled=disabled, reason=reason)
    if disabled:
        for replica_id in await _replicas_of(tx, cluster_id, name):
            await run(tx, "unassign_from_replica", replica_id=replica_id)
    await run(tx, "notify", channel=DISPATCH, payload="replica")


async def drain_node(
    tx: Transaction, *, cluster_id: str, name: str, reason: str, within: timedelta | None = None
) -> int:
    """Disable the machine and drain all its replicas; how many were told. A spot notice says ``within``."""
    await set_node_disabled(tx, cluster_id=cluster_id, name=name, disabled=True, reason=reason)
    told = 0
    for replica_id in await _replicas_of(tx, cluster_id, name):
        told += await drain_replica(tx, replica_id=replica_id, reason=reason, within=within)
    return told


async def drain_ray_nodes(
    db: Database, *, cluster_id: str, drains: Mapping[str, float | None], reason: str, epoch: int
) -> int:
    """Drain the replicas under Ray nodes that Ray drains; how many were told now.

    ``drains``: Ray node id -> when it goes (seconds since the epoch), None where Ray names no time.
    """
    wanted = [{"ray_node": node, "deadline_s": deadline} for node, deadline in drains.items()]
    async with db.transaction() as tx:
        await hold_epoch(tx, epoch)
        rows = (await run(tx, "replicas_to_drain", cluster_id=cluster_id, drains=as_json(wanted))).all()
        for row in rows:
            within = None if row.within_s is None else timedelta(seconds=max(0.0, row.within_s))
            await drain_replica(tx, replica_id=row.id, reason=reason, within=within)
    return len(rows)


async def _replicas_of(tx: Transaction, cluster_id: str, name: str) -> list[UUID]:
    return list((await run(tx, "replicas_of_node", cluster_id=cluster_id, name=name)).scalars().all())
