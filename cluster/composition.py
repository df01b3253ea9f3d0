"""The one place that builds the farm's parts from the environment, for every process of the cluster."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.intake.settings import IntakeSettings
from cluster.loops.invoicer import InvoiceSettings
from cluster.loops.settings import LoopSettings
from cluster.loops.stripe_sink import StripeSettings
from cluster.settings import ClusterSettings
from db.session import Database
from db.settings import DatabaseSettings
from jobs.egress import EgressSettings
from jobs.limits import FarmLimits
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
    egress_settings: EgressSettings
    intake_settings: IntakeSettings

    async def close(self) -> None:
        await self.storage.close()
        await self.database.close()


def open_farm() -> FarmParts:
    """Build the parts from ``RAYFARM_*``; opens no connection yet."""
    database_settings = DatabaseSettings()
    return FarmParts(
        database=Database(database_settings),
        database_settings=database_settings,
        storage=open_storage(StorageSettings()),
        settings=ClusterSettings(),
        loop_settings=LoopSettings(),
        invoice_settings=InvoiceSettings(),
        stripe_settings=StripeSettings(),
        limits=FarmLimits(),
        plan_settings=PlanSettings(),
        engine_settings=EngineSettings(),
        webhook_settings=WebhookSettings(),
        egress_settings=EgressSettings(),
        intake_settings=IntakeSettings(),
    )
