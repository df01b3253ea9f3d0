"""Every setting of the farm is read before anything starts: a process that cannot start tells it late and badly."""

from __future__ import annotations

import pkgutil

from pydantic import SecretStr

from cluster.local.settings import LocalFarmSettings
from jobs.errors import InvalidSettings

READ_BY_THE_FARM = (
    "cluster.production:ProfileSettings",
    "storage.settings:StorageSettings",
    "serve_app.settings:ApiSettings",
    "serve_app.oidc.settings:OidcSettings",
    "cluster.settings:ClusterSettings",
    "cluster.loops.settings:LoopSettings",
    "cluster.loops.invoicer:InvoiceSettings",
    "cluster.loops.stripe_sink:StripeSettings",
    "jobs.webhooks:WebhookSettings",
    "jobs.delivery:DeliverySettings",
    "jobs.notices:NoticeSettings",
    "jobs.mail:MailSettings",
    "cluster.intake.settings:IntakeSettings",
    "jobs.egress:EgressSettings",
    "jobs.planning:PlanSettings",
    "jobs.limits:FarmLimits",
    "pipelines.settings:EngineSettings",
    "cluster.tracing:TracingSettings",
    "cluster.logs:LogSettings",
    "cluster.kube.settings:KubeSettings",
    "cluster.batch_settings:BatchSettings",
)
"""By name, as the programs that the supervisor starts: this package does not know the API."""

_EMBEDDED = SecretStr("postgresql://rayfarm@127.0.0.1/rayfarm")


def check_settings(options: LocalFarmSettings) -> None:
    """Raises ``InvalidSettings`` with everything that is wrong in this environment."""
    faults: list[str] = []
    database = pkgutil.resolve_name("db.settings:DatabaseSettings")
    try:
        database(url=options.database_url or _EMBEDDED)
    except InvalidSettings as error:
        faults.append(error.message)
    for name in READ_BY_THE_FARM:
        try:
            pkgutil.resolve_name(name)()
        except InvalidSettings as error:
            faults.append(error.message)
    if faults:
        raise InvalidSettings("\n".join(faults))
