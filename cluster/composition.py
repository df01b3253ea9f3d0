"""The one place that builds the farm's parts from the environment, for every process of the cluster."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.intake.settings import IntakeSettings
from cluster.logs import LogSettings
from cluster.loops.invoicer import InvoiceSettings
from cluster.loops.settings import LoopSettings
from cluster.loops.stripe_sink import StripeSettings
from cluster.production import (
    database_faults,
    engine_faults,
    outgoing_faults,
    process_faults,
    refuse,
    storage_faults,
)
from cluster.settings import ClusterSettings
from db.session import Database
from db.settings import DatabaseSettings
from jobs.delivery import DeliverySettings
from jobs.egress import EgressSettings
from jobs.limits import FarmLimits
from jobs.mail import MailSettings
from jobs.notices import NoticeSettings
from jobs.planning import PlanSettings
from jobs.webhooks import WebhookSettings
from pipelines.settings import EngineSettings
from storage.base import Storage
from storage.open import open_storage
from storage.settings import StorageSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmParts:
    """What a process of the farm works with; ``close`` it at the end."""

    database: Database
    database_settings: DatabaseSettings
    storage: Storage
    settings: ClusterSettings
    limits: FarmLimits
    plan_settings: PlanSettings
    engine_settings: EngineSettings

    async def close(self) -> None:
        await self.storage.close()
        await self.database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopParts:
    """What the loops alone need: addresses outside of the farm and the secrets that go with them, which renderers and
    tasks are not given."""

    settings: LoopSettings
    invoices: InvoiceSettings
    stripe: StripeSettings
    webhooks: WebhookSettings
    delivery: DeliverySettings
    notices: NoticeSettings
    mail: MailSettings
    egress: EgressSettings
    intake: IntakeSettings


def open_farm() -> FarmParts:
    """Build the parts from ``RAYFARM_*``; opens no connection yet. Raises ``NotForProduction``."""
    database_settings, storage_settings, engine_settings = DatabaseSettings(), StorageSettings(), EngineSettings()
    refuse(
        [
            *database_faults(database_settings),
            *storage_faults(storage_settings),
            *engine_faults(engine_settings),
            *process_faults(logs=LogSettings()),
        ]
    )
    return FarmParts(
        database=Database(database_settings),
        database_settings=database_settings,
        storage=open_storage(storage_settings),
        settings=ClusterSettings(),
        limits=FarmLimits(),
        plan_settings=PlanSettings(),
        engine_settings=engine_settings,
    )


def loop_parts() -> LoopParts:
    """Read what the loops need, where they run. Raises ``NotForProduction``."""
    parts = LoopParts(
        settings=LoopSettings(),
        invoices=InvoiceSettings(),
        stripe=StripeSettings(),
        webhooks=WebhookSettings(),
        delivery=DeliverySettings(),
        notices=NoticeSettings(),
        mail=MailSettings(),
        egress=EgressSettings(),
        intake=IntakeSettings(),
    )
    refuse(outgoing_faults(webhooks=parts.webhooks, egress=parts.egress, loops=parts.settings, mail=parts.mail))
    return parts
