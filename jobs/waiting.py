"""What the planner says beside its placements: why jobs wait, and how many slots the work could use."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from jobs.fairness import Account, Demand, Licences
from jobs.fitting import Fitting, JobKind
from jobs.planning import JobView, PlanSettings, Snapshot, WaitReason

_Alike = tuple[Account, JobKind, int, UUID | None]
"""What jobs that wait for one reason share: project, fitting replicas, class. One with bounds of its own is alone."""


def chunk_frames(job: JobView, settings: PlanSettings, *, replicas: int) -> int:
    """Frames of the job's next chunk: the target run time over the measured frame time, and no replica left idle."""
    longest = _longest_chunk(job, settings)
    if job.split_parts > 1:
        return longest
    if job.frame_seconds is None:
        return min(longest, job.uncarved)
    fair_part = math.ceil(job.uncarved / max(replicas, 1))
    return max(1, min(longest, fair_part, job.uncarved))


def _longest_chunk(job: JobView, settings: PlanSettings) -> int:
    """Frames of a chunk while there are plenty."""
    if job.split_parts > 1:
        return 1  # one part of one frame
    if job.frame_seconds is None:
        return settings.first_chunk_frames
    by_time = math.floor(settings.chunk_target.total_seconds() / max(job.frame_seconds, 1e-4))
    return max(1, min(by_time, settings.max_chunk_frames))


def waits_of(
    demands: Sequence[Demand], fitting: Fitting, licences: Licences, *, cut_short: bool
) -> Mapping[UUID, WaitReason]:
    """Why each job with unplaced work has it, after the plan. With ``cut_short`` the tick ended before the farm was
    full: what it gave something to is on its way, and waits for nothing."""
    alike: dict[_Alike, list[Demand]] = defaultdict(list)
    reasons: dict[UUID, WaitReason] = {}
    for demand in demands:
        job = demand.view
        if job.stopped:
            continue
        if demand.uncarved > 0 or demand.loose:
            if (withheld := demand.withheld) is not None:
                reasons[job.id] = withheld
                continue
            of_its_own = job.max_replicas is not None or job.blocked_nodes or job.licences
            alike[demand.account, demand.kind, job.priority.rank, job.id if of_its_own else None].append(demand)
        elif job.gated:
            reasons[job.id] = WaitReason.DEPENDENCY
    least = _least_shares([those[0] for those in alike.values()])
    for those in alike.values():
        reason = _reason(those[0], fitting, licences, least)
        for demand in those:
            if not (cut_short and demand.served):
                reasons[demand.view.id] = reason
    return reasons


def _reason(
    demand: Demand, fitting: Fitting, licences: Licences, least: Mapping[int, tuple[float, Account]]
) -> WaitReason:
    if not fitting.kinds:
        return WaitReason.STARTING_REPLICA
    job, kind = demand.view, demand.kind
    if not kind.kinds:
        return kind.reason
    blocked = fitting.blocked_nodes(job) if job.blocked_nodes else None
    if blocked and all(each.nodes <= blocked for each in kind.kinds):
        return WaitReason.BLOCKED_NODES
    if demand.at_cap:
        return WaitReason.CAP
    if demand.account.at_quota:
        return WaitReason.QUOTA
    if not licences.allow(job):
        return WaitReason.LICENCE
    share, owed = least[job.priority.rank]
    if owed is not demand.account and share < demand.account.share:
        return WaitReason.SHARE
    return WaitReason.NO_CAPACITY


def _least_shares(waiting: Sequence[Demand]) -> dict[int, tuple[float, Account]]:
    """By class: the project that is owed most among those that wait for nothing but a replica."""
    least: dict[int, tuple[float, Account]] = {}
    for demand in waiting:
        rank, share = demand.view.priority.rank, demand.account.share
        known = least.get(rank)
        waits_for_replica = demand.kind.kinds and not demand.at_cap and not demand.account.at_quota
        if waits_for_replica and (known is None or share < known[0]):
            least[rank] = (share, demand.account)
    return least


def backlog_of(
    snapshot: Snapshot, demands: Sequence[Demand], fitting: Fitting, licences: Licences, settings: PlanSettings
) -> Mapping[str, int]:
    """Slots that the work could use, by pool: what is in flight, and what could be beside it within caps and licences.

    Work counts for the pools whose replicas fit it. Where none does it counts for pools that have no replica yet, as
    nobody can say what theirs would be like; more replicas of a kind that does not fit would help nobody.
    """
    slots = dict.fromkeys(snapshot.pools, 0)
    unknown = set(slots).difference(kind.sample.pool for kind in fitting.kinds)
    left: dict[int, int] = {}
    for demand in demands:
        more, project = 0, demand.account.project
        if (demand.uncarved or demand.loose) and not demand.view.stopped and demand.withheld is None:
            more = _more_chunks(demand, licences, settings)
        if project.slots is not None:
            free = left.get(project.id.int, max(project.slots - demand.account.in_flight, 0))
            more = min(more, free)
            left[project.id.int] = free - more
        if demand.view.licences:
            licences.take(demand.view, more)
        if more := more + demand.in_flight:
            for pool in demand.kind.pools or unknown:
                slots[pool] = slots.get(pool, 0) + more
    return slots


def _more_chunks(demand: Demand, licences: Licences, settings: PlanSettings) -> int:
    """Chunks that the job could have in flight beside those that it has or was given now."""
    job = demand.view
    more = len(demand.loose) - -demand.uncarved // _longest_chunk(job, settings)  # rounded up
    if job.max_replicas is not None:
        more = min(more, max(job.max_replicas - demand.in_flight, 0))
    return licences.chunks(job, at_most=more) if job.licences else more
