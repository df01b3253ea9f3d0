"""What the API works with, built in the lifespan of the app and closed at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from db.session import Database
from db.settings import DatabaseSettings
from jobs.limits import FarmLimits
from serve_app.artifacts.sent_bytes import SentBytes
from serve_app.auth.passwords import Passwords
from serve_app.auth.tokens import AccessTokens
from serve_app.billing.pdf import InvoicePrinter
from serve_app.events.hub import EventHub
from serve_app.places import Places
from serve_app.settings import ApiSettings
from storage.base import Storage
from storage.open import open_storage
from storage.settings import StorageSettings
from storage.signing import FileSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """One per process; endpoints get it through ``serve_app.dependencies``."""

    settings: ApiSettings
    limits: FarmLimits
    database: Database
    storage: Storage
    signer: FileSigner | None
    """Checks links of local storage; None where storage presigns its own."""
    tokens: AccessTokens | None
    """None where there is no key to sign with."""
    passwords: Passwords
    hub: EventHub
    uploads: Places
    streams: Places
    sent_bytes: SentBytes
    printer: InvoicePrinter


@asynccontextmanager
async def open_services(
    *, settings: ApiSettings, database_settings: DatabaseSettings, storage_settings: StorageSettings
) -> AsyncIterator[ApiServices]:
    """Opens no connection to the database by itself: the API starts, and says so, while the database is away."""
    database = Database(database_settings)
    storage = open_storage(storage_settings)
    signer = None
    if not storage_settings.is_s3 and storage_settings.signing_keys:
        signer = FileSigner(keys=storage_settings.signing_keys)
    tokens = _tokens_of(settings)
    passwords = Passwords(at_once=settings.password_threads, waiting=settings.waiting_logins)
    try:
        async with (
            EventHub(database_settings=database_settings) as hub,
            SentBytes(database=database, every=settings.sent_bytes_every) as sent_bytes,
        ):
            yield ApiServices(
                settings=settings,
                limits=FarmLimits(),
                database=database,
                storage=storage,
                signer=signer,
                tokens=tokens,
                passwords=passwords,
                hub=hub,
                uploads=Places(
                    what="uploads", total=settings.max_uploads, per_project=settings.max_uploads_per_project
                ),
                streams=Places(
                    what="event streams", total=settings.max_streams, per_project=settings.max_streams_per_project
                ),
                sent_bytes=sent_bytes,
                printer=InvoicePrinter(settings.invoice_font),
            )
    finally:
        passwords.close()
        await storage.close()
        await database.close()


def _tokens_of(settings: ApiSettings) -> AccessTokens | None:
    if settings.token_key is None:
        return None
    keys = (settings.token_key, *settings.previous_token_keys)
    return AccessTokens(keys=[key.get_secret_value() for key in keys], lifetime=settings.access_token_lifetime)
