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
    loop_settings: LoopSettings
    invoice_settings: InvoiceSettings
    stripe_settings: StripeSettings
    limits: FarmLimits
    plan_settings: PlanSettings
    engine_settings: EngineSettings
    webhook_settings: WebhookSettings
    delivery_settings: DeliverySettings
    notice_settings: NoticeSettings
    mail_settings: MailSettings
    egress_settings: EgressSettings
    intake_settings: IntakeSettings

    async def close(self) -> None:
        await self.storage.close()
        await self.database.close()


def open_farm() -> FarmParts:
    """Build the parts from ``RAYFARM_*``; opens no connection yet. Raises ``NotForProduction``."""
    database_settings, storage_settings = DatabaseSettings(), StorageSettings()
    engine_settings, loop_settings = EngineSettings(), LoopSettings()
    webhook_settings, egress_settings, mail_settings = WebhookSettings(), EgressSettings(), MailSettings()
    refuse(
        [
            *database_faults(database_settings),
            *storage_faults(storage_settings),
            *engine_faults(engine_settings),
            *outgoing_faults(
                webhooks=webhook_settings, egress=egress_settings, loops=loop_settings, mail=mail_settings
            ),
            *process_faults(logs=LogSettings()),
        ]
    )
    return FarmParts(
        database=Database(database_settings),
        database_settings=database_settings,
        storage=open_storage(storage_settings),
        settings=ClusterSettings(),
        loop_settings=loop_settings,
        invoice_settings=InvoiceSettings(),
        stripe_settings=StripeSettings(),
        limits=FarmLimits(),
        plan_settings=PlanSettings(),
        engine_settings=engine_settings,
        webhook_settings=webhook_settings,
        delivery_settings=DeliverySettings(),
        notice_settings=NoticeSettings(),
        mail_settings=mail_settings,
        egress_settings=egress_settings,
        intake_settings=IntakeSettings(),
    )
