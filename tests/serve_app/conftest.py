"""The real API over a real PostgreSQL and disk: in process for most tests, behind uvicorn where the wire counts."""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import ByteSize, SecretStr

from db.bootstrap import ensure_project
from db.embedded import EmbeddedPostgres, PostgresTuning
from db.keys import create_key
from db.migrate import upgrade
from db.settings import DatabaseSettings
from jobs.access import FarmRole
from serve_app.app import build_app
from serve_app.settings import ApiSettings
from storage.settings import StorageSettings
from tests.emptied import empty
from tests.serve_app.farm import ApiFarm, until


class _NoDisk(PostgresTuning):
    """What these tests prove does not depend on the disk."""

    def arguments(self) -> list[str]:
        settings = ("fsync=off", "full_page_writes=off")
        return [*super().arguments(), *(part for setting in settings for part in ("-c", setting))]


@pytest.fixture(scope="session", autouse=True)
def _no_web_app() -> Iterator[None]:
    """What these tests ask of ``/`` does not depend on whether somebody has built the web app in this checkout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYFARM_API_WEB_DIR", "/nonexistent")
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="rayfarm-test-api-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server runs as another user where the tests run as root
        server = EmbeddedPostgres(root=Path(folder) / "postgres", tuning=_NoDisk())
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres) -> str:
    url = postgres.url_for("postgres")
    upgrade(url)
    return url


@pytest.fixture
def database_settings(database_url: str) -> DatabaseSettings:
    """Of an empty database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        empty(connection)
    return DatabaseSettings(url=SecretStr(database_url))


@pytest.fixture
def storage_settings(tmp_path: Path) -> StorageSettings:
    return StorageSettings(
        url=f"file://{tmp_path}/storage", signing_key=SecretStr(secrets.token_hex(32)), max_blob_bytes=4 * 2**20
    )


@pytest.fixture
def api_settings() -> ApiSettings:
    return ApiSettings(
        token_key=SecretStr("a-key-of-these-tests-alone-0123456789"),
        max_json_bytes=ByteSize(256 * 1024),
        max_spec_bytes=ByteSize(128 * 1024),
        heartbeat=timedelta(seconds=0.2),
        wait_poll=timedelta(milliseconds=20),
        ready_timeout=timedelta(seconds=2),
        max_digests=50,
    )


@pytest.fixture(scope="session")
def built_apps() -> dict[tuple[str, str], FastAPI]:
    """Apps by use and settings: building one takes longer than a test, and its lifespan can be run again and again."""
    return {}


@pytest.fixture
def app_for(
    api_settings: ApiSettings,
    database_settings: DatabaseSettings,
    storage_settings: StorageSettings,
    built_apps: dict[tuple[str, str], FastAPI],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], FastAPI]:
    """Apps by their use, without settings of database and storage, which their lifespan reads from the environment."""
    monkeypatch.setenv("RAYFARM_DATABASE_URL", database_settings.url.get_secret_value())
    for name, value in storage_settings.model_dump(exclude_defaults=True).items():
        words = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        monkeypatch.setenv(f"RAYFARM_STORAGE_{name.upper()}", words)
    monkeypatch.setenv("RAYFARM_WEBHOOK_KEY", "a-webhook-key-of-these-tests-alone-01")

    def build(use: str) -> FastAPI:
        key = (use, api_settings.model_dump_json())
        if key not in built_apps:
            built_apps[key] = build_app(api_settings)
        return built_apps[key]

    return build


@pytest.fixture
def app(app_for: Callable[[str], FastAPI]) -> FastAPI:
    return app_for("in process")


@pytest.fixture
async def farm(app: FastAPI) -> AsyncIterator[ApiFarm]:
    """The API in this process, and the database and storage behind it."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        services = app.state.services
        async with services.database.transaction() as tx:
            project_id = await ensure_project(tx, slug="default", name="Default")
            admin = await create_key(tx, project_id=None, name="test", role=FarmRole.ADMIN)
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://farm.test",
                headers={"Authorization": f"Bearer {admin.key}"},
            )
        )
        yield ApiFarm(
            db=services.database, storage=services.storage, http=client, key=admin.key, project_id=project_id, app=app
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The same app behind uvicorn."""

    port: int
    http: httpx.AsyncClient
    app: FastAPI
    stop: Callable[[], Awaitable[None]]


@pytest.fixture
async def server(farm: ApiFarm, app_for: Callable[[str], FastAPI]) -> AsyncIterator[Server]:
    app = app_for("behind uvicorn")
    async with _serve(app) as (port, stop):
        headers = {"Authorization": f"Bearer {farm.key}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10) as client:
            yield Server(port=port, http=client, app=app, stop=stop)


@asynccontextmanager
async def _serve(app: FastAPI) -> AsyncIterator[tuple[int, Callable[[], Awaitable[None]]]]:
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle's delay on
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))

    async def stop() -> None:
        server.should_exit = True
        await task

    await until(lambda: server.started or task.done())
    try:
        yield listener.getsockname()[1], stop
    finally:
        await stop()
        listener.close()
