"""The loops of a farm. A new one is a line in ``farm_loops``."""

from __future__ import annotations

from cluster.composition import FarmParts
from cluster.loops.base import Loop
from cluster.loops.collector import Collector
from cluster.loops.deliver import HttpDeliver
from cluster.loops.finisher import Finisher
from cluster.loops.outbox import outbox_loops
from cluster.loops.pruner import Pruner
from cluster.loops.rescuer import Rescuer


def farm_loops(farm: FarmParts) -> tuple[Loop, ...]:
    """Every loop of this farm, for one ``LoopRunner``."""
    database, settings = farm.database, farm.loop_settings
    return (
        Rescuer(database=database, settings=settings, limits=farm.limits, task_lease=farm.settings.task_lease),
        Finisher(database=database, settings=settings),
        Pruner(database=database, settings=settings),
        Collector(database=database, storage=farm.storage, settings=settings),
        *outbox_loops(
            database=database,
            cluster_id=farm.settings.id,
            settings=settings,
            deliver=HttpDeliver(timeout=settings.delivery_timeout),
        ),
    )
