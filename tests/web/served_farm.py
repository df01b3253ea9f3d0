"""The real API as a process that serves the built web app, over a real PostgreSQL with something of all in it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from db.bootstrap import ensure_project
from db.embedded import EmbeddedPostgres
from db.keys import create_key
from db.migrate import upgrade
from db.session import Database
from db.settings import DatabaseSettings
from jobs.access import FarmRole
from storage.open import open_storage
from storage.settings import StorageSettings
from tests.web.api_process import ApiProcess
from tests.web.loop_thread import LoopThread
from tests.web.pictured_farm import PicturedFarm
from tests.web.world import PROJECT, World, fill


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFarm:
    """The API as a process, and what is behind it."""

    api: ApiProcess
    data: PicturedFarm
    thread: LoopThread
    world: World

    @property
    def url(self) -> str:
        return self.api.url

    @property
    def home(self) -> str:
        """Address of the project's pages."""
        return f"/projects/{PROJECT}"


@contextmanager
def served_farm() -> Iterator[ServedFarm]:
    """Up and filled until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rf-web-", ignore_cleanup_errors=True)))
        folder.chmod(0o755)  # PostgreSQL runs as another user where this runs as root
        server = EmbeddedPostgres(root=folder / "postgres")
        server.start()
        stack.callback(server.stop)
        upgrade(server.url)
        storage_key = secrets.token_hex(32)
        api = ApiProcess(
            {
                "RAYFARM_API_TOKEN_KEY": secrets.token_hex(32),
                "RAYFARM_API_REPLICA_TIMEOUT": "P1D",  # nobody sends the beats of these workers
                "RAYFARM_WEBHOOK_KEY": secrets.token_hex(32),
                "RAYFARM_DATABASE_URL": server.url,
                "RAYFARM_STORAGE_URL": (folder / "storage").as_uri(),
                "RAYFARM_STORAGE_SIGNING_KEY": storage_key,
            },
            log=folder / "api.log",
        )
        api.start()
        stack.callback(api.kill)
        thread = LoopThread()
        stack.callback(thread.close)
        storage = StorageSettings(url=(folder / "storage").as_uri(), signing_key=SecretStr(storage_key))
        behind = _behind(api.url, DatabaseSettings(url=SecretStr(server.url)), storage)
        data = stack.enter_context(thread.opened(behind))
        yield ServedFarm(api=api, data=data, thread=thread, world=thread.run(fill(data)))


@asynccontextmanager
async def _behind(url: str, database: DatabaseSettings, storage: StorageSettings) -> AsyncIterator[PicturedFarm]:
    db = Database(database)
    try:
        async with db.transaction() as tx:
            project_id = await ensure_project(tx, slug=PROJECT, name="Default")
            admin = await create_key(tx, project_id=None, name="tests", role=FarmRole.ADMIN)
        headers = {"Authorization": f"Bearer {admin.key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
            yield PicturedFarm(
                db=db, storage=open_storage(storage), http=http, key=admin.key, project_id=project_id, app=FastAPI()
            )
    finally:
        await db.close()
