"""What the production profile asks of the API, and of the whole farm before it is deployed.

Run first by ``rayfarm up``: ``python -m serve_app.production`` ends with 0, or with all faults on stderr and 1.
"""

from __future__ import annotations

import sys
from urllib.parse import urlsplit

from cluster.local.services import FAULT
from cluster.logs import LogSettings
from cluster.loops.settings import LoopSettings
from cluster.production import (
    Fault,
    database_faults,
    engine_faults,
    outgoing_faults,
    process_faults,
    refuse,
    secret_faults,
    storage_faults,
)
from db.settings import DatabaseSettings
from db.trust import accepts_anybody
from jobs.egress import EgressSettings
from jobs.errors import RayfarmError
from jobs.mail import MailSettings
from jobs.webhooks import WebhookSettings
from pipelines.settings import EngineSettings
from serve_app.settings import ApiSettings
from storage.settings import StorageSettings


def api_faults(settings: ApiSettings) -> list[Fault]:
    """Of what the API shows to the outside."""
    found = secret_faults("RAYFARM_API_TOKEN_KEY", settings.token_key)
    found += secret_faults("RAYFARM_API_PREVIOUS_TOKEN_KEYS", *settings.previous_token_keys)
    if settings.public_url is None:
        words = "is not set, so links and cookies follow whatever a client says; set the https address of the farm"
        found.append(Fault("RAYFARM_API_PUBLIC_URL", words))
    elif settings.public_url.scheme != "https":
        words = "is plain http: keys are read on the way, and cookies are not Secure; set the https address"
        found.append(Fault("RAYFARM_API_PUBLIC_URL", words))
    if "*" in settings.cors_origins:
        found.append(Fault("RAYFARM_API_CORS_ORIGINS", "lets pages of any origin call the API; name them"))
    elif any(urlsplit(origin).scheme != "https" for origin in settings.cors_origins):
        found.append(Fault("RAYFARM_API_CORS_ORIGINS", "names an origin without https, which others may write"))
    for name, words in (
        ("trusted_proxies", "believes anybody's X-Forwarded-For; name your proxies"),
        ("rate_exempt_clients", "exempts everybody from rates; name a few"),
    ):
        if any(network.prefixlen == 0 for network in getattr(settings, name)):
            found.append(Fault(f"RAYFARM_API_{name.upper()}", words))
    return found


def farm_faults() -> list[Fault]:
    """Of everything that this environment sets. Connects to the database, to see whether it lets anybody in."""
    database = DatabaseSettings()
    found = [*api_faults(ApiSettings()), *database_faults(database), *storage_faults(StorageSettings())]
    found += engine_faults(EngineSettings())
    found += outgoing_faults(
        webhooks=WebhookSettings(), egress=EgressSettings(), loops=LoopSettings(), mail=MailSettings()
    )
    found += process_faults(logs=LogSettings())
    if accepts_anybody(database):
        words = "leads to a server that lets anybody in (`trust` in its pg_hba.conf); set scram-sha-256 there"
        found.append(Fault("RAYFARM_DATABASE_URL", words))
    return found


def main() -> int:
    try:
        refuse(farm_faults())
    except RayfarmError as error:
        sys.stderr.write(f"{FAULT}{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
