"""The loops of a farm. A new one is a line in ``farm_loops``."""

from __future__ import annotations

from cluster.composition import FarmParts, LoopParts
from cluster.intake.consumer import Intake
from cluster.intake.ports import Admission
from cluster.intake.results import result_loops
from cluster.intake.settings import IntakeSettings
from cluster.loops.auditor import Auditor
from cluster.loops.base import Loop
from cluster.loops.biller import Biller, StorageMeter
from cluster.loops.collector import Collector
from cluster.loops.courier import Courier
from cluster.loops.deliver import HttpDeliver
from cluster.loops.expirer import Expirer
from cluster.loops.finisher import Finisher
from cluster.loops.invoicer import Invoicer
from cluster.loops.mailer import Mailer
from cluster.loops.measurer import Measurer
from cluster.loops.meter import Meter
from cluster.loops.node_drains import NodeDrains, RayDrains
from cluster.loops.outbox import outbox_loops
from cluster.loops.pruner import Pruner
from cluster.loops.releaser import Releaser
from cluster.loops.rescuer import Rescuer
from cluster.loops.retention import OutputExpirer
from cluster.loops.scheduler import Scheduler
from cluster.loops.usage_reporter import usage_reporters
from cluster.loops.webhooks import WebhookSender
from cluster.metrics.ports import SILENT, FarmMeter
from cluster.outbound import Outbound
from jobs.egress import Egress
from jobs.sealed import Seals


def farm_loops(
    farm: FarmParts, parts: LoopParts, *, drains: RayDrains, admission: Admission, meter: FarmMeter = SILENT
) -> tuple[Loop, ...]:
    """Every loop of this farm, for one ``LoopRunner``. ``drains``: asks Ray which of its nodes go away; ``admission``:
    admits the jobs that come in messages."""
    database, settings, batch = farm.database, parts.settings, farm.settings.control_batch
    return (
        Rescuer(
            database=database,
            settings=settings,
            limits=farm.limits,
            task_lease=farm.settings.task_lease,
            meter=meter,
        ),
        Measurer(
            database=database,
            cluster_id=farm.settings.id,
            settings=settings,
            silent_after=farm.limits.lease,
            meter=meter,
        ),
        Finisher(database=database, settings=settings),
        Expirer(database=database, every=farm.settings.expire_every, batch=batch),
        Releaser(database=database, every=farm.settings.release_every, batch=batch),
        Meter(database=database, plan_settings=farm.plan_settings),
        Biller(database=database, every=settings.bill_every),
        StorageMeter(database=database, every=settings.storage_every),
        Invoicer(database=database, settings=parts.invoices),
        *usage_reporters(database=database, settings=parts.stripe),
        NodeDrains(database=database, cluster_id=farm.settings.id, every=farm.settings.drains_every, drains=drains),
        Scheduler(
            database=database,
            cluster_id=farm.settings.id,
            every=settings.schedules_every,
            silent_after=farm.limits.lease,
        ),
        Pruner(database=database, settings=settings),
        OutputExpirer(database=database, settings=settings),
        Auditor(database=database, settings=settings),
        Collector(database=database, storage=farm.storage, settings=settings),
        *outbox_loops(
            database=database,
            cluster_id=farm.settings.id,
            settings=settings,
            deliver=HttpDeliver(timeout=settings.delivery_timeout),
        ),
        WebhookSender(
            database=database,
            settings=parts.webhooks,
            notices=parts.notices,
            outbound=Outbound(egress=Egress(parts.egress)),
        ),
        Courier(
            database=database,
            storage=farm.storage,
            settings=parts.delivery,
            seals=Seals(parts.webhooks),
            egress=Egress(parts.egress),
        ),
        Mailer(database=database, settings=parts.mail, notices=parts.notices),
        *result_loops(database=database, cluster_id=farm.settings.id, settings=parts.intake, loop_settings=settings),
        *_intake(farm, parts.intake, admission),
    )


def _intake(farm: FarmParts, settings: IntakeSettings, admission: Admission) -> tuple[Loop, ...]:
    if settings.queue_url is None:
        return ()
    intake = Intake(
        database=farm.database, storage=farm.storage, settings=settings, admission=admission, limits=farm.limits
    )
    return (intake,)
