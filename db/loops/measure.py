"""What a look at the farm as a whole finds: the queue by class, replicas by pool, what waits to be told outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from db._query import run
from db.session import Database
from jobs.spec import PriorityClass

_CLASSES = {each.rank: each.value for each in PriorityClass}

RECEIVERS = ("target", "webhook")
"""Of events: the operator's own (``RAYFARM_LOOPS_EVENT_TARGETS``), and those of projects."""

OTHER_PROJECTS = "(other)"
"""In the place of a slug; none can be that."""

Labelled = dict[tuple[str, ...], float]
"""Values of labels, in the order that the field's words name, and what was measured."""


@dataclass(slots=True)
class FarmMeasures:
    """One moment of the farm."""

    frames: Labelled = field(default_factory=dict)
    """By class and state."""
    oldest_s: Labelled = field(default_factory=dict)
    """By class."""
    jobs: Labelled = field(default_factory=dict)
    """By class and state."""
    replicas: Labelled = field(default_factory=dict)
    """By pool and state."""
    engines: Labelled = field(default_factory=dict)
    """By pool."""
    engine_bytes: Labelled = field(default_factory=dict)
    """By pool."""
    gpu_bytes: Labelled = field(default_factory=dict)
    """By pool."""
    cost: Labelled = field(default_factory=dict)
    """Of the month, by currency and kind."""
    project_cost: Labelled = field(default_factory=dict)
    """Of the month, by currency and project."""
    outbox_waiting: Labelled = field(default_factory=dict)
    """By receiver."""
    outbox_lag_s: Labelled = field(default_factory=dict)
    """By receiver."""
    delivery_waiting: int = 0
    delivery_lag_s: float = 0.0
    connections: Labelled = field(default_factory=dict)
    """Of the server, by state."""
    database_bytes: int = 0


async def measure_farm(db: Database, *, cluster_id: str, silent_after: timedelta, named_projects: int) -> FarmMeasures:
    """Read, in one short transaction. The queue is that of all clusters, the replicas those of this one.

    ``named_projects``: of so many at most the cost is told by itself.
    """
    async with db.transaction() as tx:
        frames = (await run(tx, "measure_frames")).all()
        jobs = (await run(tx, "measure_jobs")).all()
        replicas = (await run(tx, "measure_replicas", cluster_id=cluster_id, timeout=silent_after)).all()
        outbox = (await run(tx, "measure_outbox")).all()
        delivery = (await run(tx, "measure_delivery")).one()
        server = (await run(tx, "measure_database")).one()
        costs = (await run(tx, "measure_cost", named=named_projects)).all()
    found = FarmMeasures(
        frames={(_CLASSES[row.priority_rank], row.state): float(row.frames) for row in frames},
        oldest_s={(name,): 0.0 for name in _CLASSES.values()},
        jobs={(_CLASSES[row.priority_rank], row.state): float(row.jobs) for row in jobs},
        replicas={(row.pool, row.state): float(row.replicas) for row in replicas},
        outbox_waiting={(receiver,): 0.0 for receiver in RECEIVERS},
        outbox_lag_s={(receiver,): 0.0 for receiver in RECEIVERS},
        delivery_waiting=delivery.waiting,
        delivery_lag_s=float(delivery.lag_s),
        connections={("open",): float(server.connections), ("limit",): float(server.connection_limit)},
        database_bytes=server.bytes,
    )
    for row in outbox:
        found.outbox_waiting[(row.receiver,)] = float(row.waiting)
        found.outbox_lag_s[(row.receiver,)] = float(row.lag_s)
    for row in jobs:
        if row.state == "queued":
            found.oldest_s[(_CLASSES[row.priority_rank],)] = float(row.oldest_s)
    for row in costs:
        stored, all_of_it = float(row.storage), float(row.cost)  # a gauge is a float; the ledger is what is owed
        for kind, amount in (("storage", stored), ("rendering", all_of_it - stored)):
            found.cost[row.currency, kind] = found.cost.get((row.currency, kind), 0.0) + amount
        found.project_cost[row.currency, row.project or OTHER_PROJECTS] = all_of_it
    engines, engine_bytes, gpu_bytes = Counter[str](), Counter[str](), Counter[str]()
    for row in replicas:
        engines[row.pool] += row.engines
        engine_bytes[row.pool] += int(row.engine_bytes)
        gpu_bytes[row.pool] += int(row.gpu_bytes)
    found.engines = {(pool,): count for pool, count in engines.items()}
    found.engine_bytes = {(pool,): count for pool, count in engine_bytes.items()}
    found.gpu_bytes = {(pool,): count for pool, count in gpu_bytes.items()}
    return found
