"""A replica's own row: it registers, and one beat renews the leases of all that it works on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from db._query import as_json, run
from db.listen import DISPATCH
from db.session import Database
from jobs.planning import WaitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatReply:
    """What a replica learns from its beat, should a notification have been lost."""

    known: bool
    """False: it was thought dead, and its work is somebody else's; it registers again."""
    drain: bool = False
    drain_reason: str | None = None
    """Why it shall leave, for people."""
    drain_within: timedelta | None = None
    """Until its machine goes; None: it may finish its frame, however long."""
    owned: list[tuple[int, int]] = field(default_factory=list)
    """(work id, fence) that are still its own, renewed now; anything else that it renders it must stop."""
    canceled: list[tuple[int, int]] = field(default_factory=list)
    """Those of ``owned`` whose job ends: stop them and call ``release_canceled``."""
    stopped: list[tuple[int, int]] = field(default_factory=list)
    """Those of ``owned`` whose project has no money left, or whose farm is drained for maintenance: finish the frame
    that renders and give the rest back."""
    stopped_by: WaitReason | None = None
    """Why, where there are any."""


async def register_replica(
    db: Database,
    *,
    replica_id: UUID,
    cluster_id: str,
    pool: str,
    node: str,
    serve_id: str,
    labels: Mapping[str, str],
    engines: Mapping[str, str],
    device_class: str,
    ray_node: str | None = None,
) -> None:
    """Make the replica known, or known again after it was thought dead."""
    async with db.transaction() as tx:
        await run(
            tx,
            "register_replica",
            replica_id=replica_id,
            cluster_id=cluster_id,
            pool=pool,
            node=node,
            ray_node=ray_node,
            serve_id=serve_id,
            labels=as_json(labels),
            engines=as_json(engines),
            device_class=device_class,
        )
        await run(tx, "notify", channel=DISPATCH, payload="replica")


async def beat(
    db: Database,
    *,
    replica_id: UUID,
    held: Collection[tuple[int, int]],
    residents: Sequence[Mapping[str, Any]],
    current: Mapping[str, Any] | None,
    lease: timedelta,
) -> BeatReply:
    """One statement: the replica lives, and the leases of ``held`` run ``lease`` from now by the database's clock.

    ``held``: the (work id, fence) of all that the replica renders or still has to commit.
    """
    async with db.transaction() as tx:
        await run(tx, "async_commit")
        done = await run(
            tx,
            "beat",
            replica_id=replica_id,
            work_ids=[work_id for work_id, _ in held],
            fences=[fence for _, fence in held],
            residents=as_json(list(residents)),
            current=as_json(current),
            lease=lease,
        )
        rows = done.all()
    if not rows:
        return BeatReply(known=False)
    renewed = [row for row in rows if row.work_id is not None]
    return BeatReply(
        known=True,
        drain=rows[0].drain,
        drain_reason=rows[0].drain_reason,
        drain_within=within_of(rows[0].drain_within_s),
        owned=[(row.work_id, row.fence) for row in renewed],
        canceled=[(row.work_id, row.fence) for row in renewed if row.canceled],
        stopped=[(row.work_id, row.fence) for row in renewed if row.stopped],
        stopped_by=next((WaitReason(row.stopped) for row in renewed if row.stopped), None),
    )


def within_of(seconds: float | None) -> timedelta | None:
    """What is left until a deadline; one that has passed leaves nothing."""
    return None if seconds is None else timedelta(seconds=max(0.0, seconds))
