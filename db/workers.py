"""What an operator, or the leader, says to workers: drain, disable, enable; of one replica or of a whole machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from db._query import as_json, run
from db.dispatch.leadership import hold_epoch
from db.listen import DISPATCH
from db.session import Database, Transaction


class DisabledBy(StrEnum):
    """Who keeps work from a machine: a schedule takes back nothing that an operator has said."""

    OPERATOR = "operator"
    SCHEDULE = "schedule"


async def drain_replica(
    tx: Transaction, *, replica_id: UUID, reason: str = "An operator drained it.", within: timedelta | None = None
) -> bool:
    """It finishes its frame, gives the rest back and leaves; False: it is gone or unknown.

    ``within``: its machine goes then, so a frame that still renders is given back shortly before. What waits at the
    replica is free for others at once.
    """
    told = await _tell(tx, replica_id, reason, within)
    if told:
        await _unassign(tx, [replica_id])
    return told


async def set_replica_disabled(tx: Transaction, *, replica_id: UUID, disabled: bool, reason: str | None = None) -> bool:
    """A disabled replica finishes its chunk and gets no other; False: it is gone or unknown."""
    done = await run(tx, "disable_replica", replica_id=replica_id, disabled=disabled, reason=reason)
    if done.one_or_none() is None:
        return False
    if disabled:
        await _unassign(tx, [replica_id])
    await run(tx, "notify", channel=DISPATCH, payload="replica")
    return True


async def clusters_of_node(tx: Transaction, *, name: str) -> list[str]:
    """Clusters that have, or had, a machine of this name."""
    return list((await run(tx, "clusters_of_node", name=name)).scalars().all())


async def set_node_disabled(
    tx: Transaction,
    *,
    cluster_id: str,
    name: str,
    disabled: bool,
    reason: str | None = None,
    by: DisabledBy = DisabledBy.OPERATOR,
) -> bool:
    """A disabled machine gets no new work, nor do replicas that start on it later. False: an operator has disabled it,
    which no schedule changes."""
    if not await _set_node(tx, cluster_id, name, disabled=disabled, reason=reason, by=by):
        return False
    if disabled:
        await _unassign(tx, await _replicas_of(tx, cluster_id, name))
    await run(tx, "notify", channel=DISPATCH, payload="replica")
    return True


async def drain_node(
    tx: Transaction,
    *,
    cluster_id: str,
    name: str,
    reason: str,
    within: timedelta | None = None,
    by: DisabledBy = DisabledBy.OPERATOR,
) -> int | None:
    """Disable the machine and drain all its replicas; how many were told. A spot notice says ``within``. None: an
    operator has disabled it, which no schedule changes."""
    if not await _set_node(tx, cluster_id, name, disabled=True, reason=reason, by=by):
        return None
    replicas = await _replicas_of(tx, cluster_id, name)
    told = [await _tell(tx, replica_id, reason, within) for replica_id in replicas]
    await _unassign(tx, replicas)
    await run(tx, "notify", channel=DISPATCH, payload="replica")
    return sum(told)


async def _set_node(
    tx: Transaction, cluster_id: str, name: str, *, disabled: bool, reason: str | None, by: DisabledBy
) -> bool:
    set_now = await run(
        tx, "set_node", cluster_id=cluster_id, name=name, disabled=disabled, reason=reason, disabled_by=by
    )
    return set_now.one_or_none() is not None


async def restart_node(tx: Transaction, *, cluster_id: str, name: str, reason: str) -> int:
    """Drain all replicas of the machine and leave it enabled, so that those that replace them get work; how many were
    told."""
    replicas = await _replicas_of(tx, cluster_id, name)
    told = [await _tell(tx, replica_id, reason, None) for replica_id in replicas]
    await _unassign(tx, replicas)
    return sum(told)


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
            await _tell(tx, row.id, reason, within)
        await _unassign(tx, [row.id for row in rows])
    return len(rows)


async def _tell(tx: Transaction, replica_id: UUID, reason: str, within: timedelta | None) -> bool:
    return (
        await run(tx, "drain_replica", replica_id=replica_id, reason=reason, within=within)
    ).one_or_none() is not None


async def _unassign(tx: Transaction, replica_ids: Sequence[UUID]) -> None:
    """Behind all rows of replicas, and once per transaction: whoever locks work rows does so in order of their ids."""
    await run(tx, "unassign_from_replicas", replica_ids=list(replica_ids))


async def _replicas_of(tx: Transaction, cluster_id: str, name: str) -> list[UUID]:
    return list((await run(tx, "replicas_of_node", cluster_id=cluster_id, name=name)).scalars().all())
