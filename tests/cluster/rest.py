"""The real API over the in-process farm's database and storage, behind uvicorn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from db.settings import DatabaseSettings
from serve_app.app import build_app
from serve_app.settings import ApiSettings
from storage.settings import StorageSettings
from tests.clients.conftest import listening


@asynccontextmanager
async def rest(settings: DatabaseSettings, home: Path) -> AsyncIterator[str]:
    """Its address, until the end of the block. ``home``: the farm's own."""
    storage = StorageSettings(
        url=(home / "storage").as_uri(), signing_key=SecretStr("a-signing-key-of-a-test-only-0123456789")
    )
    api = ApiSettings(token_key=SecretStr("a-token-key-of-a-test-only-0123456789"))
    async with listening(build_app(api, database_settings=settings, storage_settings=storage)) as port:
        yield f"http://127.0.0.1:{port}"
