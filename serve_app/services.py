"""What the API works with, built in the lifespan of the app and closed at its end."""

from __future__ import annotations

import asyncio
from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from cluster.logs import LogSettings
from cluster.production import database_faults, process_faults, refuse, storage_faults
from db.session import Database
from db.settings import DatabaseSettings
from jobs.delivery import DeliverySettings
from jobs.egress import Egress
from jobs.limits import FarmLimits
from jobs.mail import MailSettings
from jobs.planning import PlanSettings
from jobs.sealed import Seals
from jobs.webhooks import WebhookSecrets, WebhookSettings
from serve_app.archive.links import ArchiveLinks
from serve_app.artifacts.sent_bytes import SentBytes
from serve_app.auth.passwords import Passwords
from serve_app.auth.tokens import AccessTokens
from serve_app.billing.pdf import InvoicePrinter
from serve_app.destinations.service import Destinations
from serve_app.events.hub import EventHub
from serve_app.oidc.settings import OidcSettings
from serve_app.oidc.sign_on import SingleSignOn
from serve_app.places import Places
from serve_app.production import api_faults
from serve_app.rates.limiter import Limiter
from serve_app.rates.policies import policies_of
from serve_app.remembered import Remembered
from serve_app.settings import ApiSettings
from serve_app.status.schemas import FarmStatus
from serve_app.uploads.verifier import Verifier
from serve_app.web.open import open_export
from serve_app.web.origins import LinkOrigins
from serve_app.web.pages import WebPages
from serve_app.webhooks.service import Webhooks
from storage.base import Storage
from storage.open import open_parts, open_storage
from storage.part_links import PartSigner
from storage.parts import PartUploads
from storage.settings import StorageSettings
from storage.signing import FileSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """One per process; endpoints get it through ``serve_app.dependencies``."""

    settings: ApiSettings
    limits: FarmLimits
    plan: PlanSettings
    database: Database
    storage: Storage
    signer: FileSigner | None
    """Checks links of local storage; None where storage presigns its own."""
    tokens: AccessTokens | None
    """None where there is no key to sign with."""
    passwords: Passwords
    single_sign_on: SingleSignOn | None
    """None where no identity provider is set."""
    hub: EventHub
    uploads: Places
    streams: Places
    sent_bytes: SentBytes
    printer: InvoicePrinter
    archives: Places
    linked_archives: Places
    """Of who has a signed link and nothing else."""
    archive_threads: Semaphore
    """Held by who puts an archive's table together in a thread."""
    imports: Places
    manifests: Places
    """Large ones."""
    body_threads: Semaphore
    """Held by who reads a large body in a thread."""
    archive_links: ArchiveLinks | None
    """None where there is no key to sign with."""
    webhooks: Webhooks
    destinations: Destinations
    mail: MailSettings
    logins: Places
    """By client."""
    rates: Limiter
    status: Remembered[FarmStatus]
    storage_settings: StorageSettings
    waits: Places
    parts: PartUploads
    part_signer: PartSigner | None
    """Checks links to parts on local disk; None where storage presigns its own."""
    verifier: Verifier
    web: WebPages | None
    """None where no export of the web app is there."""

    @property
    def takes_parts(self) -> bool:
        """Local disk needs a key to sign links to parts."""
        return self.storage_settings.is_s3 or self.part_signer is not None


@asynccontextmanager
async def open_services(
    *,
    settings: ApiSettings,
    database_settings: DatabaseSettings,
    storage_settings: StorageSettings,
    oidc_settings: OidcSettings,
) -> AsyncIterator[ApiServices]:
    """Opens no connection to the database by itself: the API starts, and says so, while the database is away.

    Raises ``NotForProduction``.
    """
    faults = [*api_faults(settings), *database_faults(database_settings), *storage_faults(storage_settings)]
    refuse([*faults, *process_faults(logs=LogSettings())])
    export = await asyncio.to_thread(open_export, settings)
    database = Database(database_settings)
    counting = Database(_for_counting(database_settings))
    storage = open_storage(storage_settings)
    parts = open_parts(storage_settings, storage)
    origins = LinkOrigins(settings=settings, storage_settings=storage_settings, storage=storage)
    verifier = Verifier(
        database=database,
        storage=storage,
        parts=parts,
        at_once=settings.verifications,
        lease=settings.verification_lease,
    )
    signer, part_signer = None, None
    if not storage_settings.is_s3 and storage_settings.signing_keys:
        signer = FileSigner(keys=storage_settings.signing_keys)
        part_signer = PartSigner(keys=storage_settings.signing_keys)
    tokens = _tokens_of(settings)
    webhook_settings, delivery, egress = WebhookSettings(), DeliverySettings(), Egress()
    passwords = Passwords(at_once=settings.password_threads, waiting=settings.waiting_logins)
    single_sign_on = _single_sign_on_of(settings, oidc_settings)
    try:
        async with (
            EventHub(database_settings=database_settings) as hub,
            SentBytes(database=database, every=settings.sent_bytes_every) as sent_bytes,
        ):
            yield ApiServices(
                settings=settings,
                limits=FarmLimits(),
                plan=PlanSettings(),
                database=database,
                storage=storage,
                signer=signer,
                tokens=tokens,
                passwords=passwords,
                single_sign_on=single_sign_on,
                hub=hub,
                uploads=Places(
                    what="uploads", total=settings.max_uploads, per_project=settings.max_uploads_per_project
                ),
                streams=Places(
                    what="event streams", total=settings.max_streams, per_project=settings.max_streams_per_project
                ),
                sent_bytes=sent_bytes,
                printer=InvoicePrinter(settings.invoice_font),
                archives=Places(
                    what="archives", total=settings.max_archives, per_project=settings.max_archives_per_project
                ),
                linked_archives=Places(
                    what="archives by link",
                    total=settings.max_archives,
                    per_project=settings.max_linked_archives_per_project,
                ),
                archive_threads=Semaphore(settings.archive_threads),
                body_threads=Semaphore(settings.body_threads),
                manifests=Places(
                    what="registrations of large models",
                    total=settings.max_manifests,
                    per_project=settings.max_manifests_per_project,
                ),
                imports=Places(
                    what="imports of templates",
                    total=settings.max_imports,
                    per_project=settings.max_imports_per_project,
                ),
                archive_links=_archive_links_of(settings, storage_settings),
                mail=MailSettings(),
                webhooks=Webhooks(settings=webhook_settings, secrets=WebhookSecrets(webhook_settings), egress=egress),
                destinations=Destinations(
                    settings=delivery,
                    seals=Seals(webhook_settings),
                    egress=egress,
                    tests=Places(
                        what="tests of destinations",
                        total=delivery.tests_at_once,
                        per_project=delivery.tests_at_once_per_project,
                    ),
                ),
                logins=Places(
                    what="logins",
                    total=settings.password_threads + settings.waiting_logins,
                    per_project=settings.max_logins_per_client,
                    whose="this address",
                ),
                rates=Limiter(database=counting, policies=policies_of(settings)),
                status=Remembered(age=settings.status_age),
                storage_settings=storage_settings,
                waits=Places(
                    what="waiting requests", total=settings.max_waits, per_project=settings.max_waits_per_project
                ),
                parts=parts,
                part_signer=part_signer,
                verifier=verifier,
                web=None if export is None else WebPages(export=export, origins=origins),
            )
    finally:
        passwords.close()
        if single_sign_on is not None:
            await single_sign_on.close()
        await verifier.close()
        await parts.close()
        await storage.close()
        await counting.close()
        await database.close()


def _archive_links_of(settings: ApiSettings, storage_settings: StorageSettings) -> ArchiveLinks | None:
    """Keys of access tokens, or, where people do not log in, those of file links."""
    keys = (settings.token_key, *settings.previous_token_keys) if settings.token_key else storage_settings.signing_keys
    if not keys:
        return None
    return ArchiveLinks(keys=[key.get_secret_value() for key in keys], lifetime=settings.link_lifetime)


def _single_sign_on_of(settings: ApiSettings, oidc_settings: OidcSettings) -> SingleSignOn | None:
    if oidc_settings.issuer is None or settings.token_key is None:
        return None
    keys = (settings.token_key, *settings.previous_token_keys)
    return SingleSignOn(settings=oidc_settings, keys=[key.get_secret_value() for key in keys])


def _for_counting(settings: DatabaseSettings) -> DatabaseSettings:
    """A request is counted while it holds a connection: were it to wait for a second one of the same pool, a few
    requests at once would wait for each other. Nor may a database that hangs hold it for long."""
    soon = timedelta(seconds=1)
    return settings.model_copy(
        update={
            "application_name": f"{settings.application_name}-rates",
            "pool_size": 1,
            "pool_overflow": 1,
            "pool_timeout": soon,
            "connect_timeout": soon,
            "statement_timeout": soon,
            "lock_timeout": soon / 2,
        }
    )


def _tokens_of(settings: ApiSettings) -> AccessTokens | None:
    if settings.token_key is None:
        return None
    keys = (settings.token_key, *settings.previous_token_keys)
    return AccessTokens(keys=[key.get_secret_value() for key in keys], lifetime=settings.access_token_lifetime)
