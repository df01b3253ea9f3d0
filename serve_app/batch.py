"""Batch renders on a Ray cluster where nothing else of Rayfarm runs: ``ray job submit -- python -m serve_app.batch …``.

The driver brings the database to this release, makes the farm (``cluster.batch_farm``) and serves the API to itself, on
loopback; then it is a client like ``cluster.batch``, with its words and its exit status. At the verdict what it made is
taken away, unless another driver or job needs it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uvicorn

from cluster import batch
from cluster.batch_farm import GateIsClosed, connect, joined, require_no_farm, sweep, words_of
from cluster.batch_settings import BatchSettings
from cluster.local.services import BELIEVED_BY_UVICORN
from cluster.observing import observe_process
from cluster.production import refuse
from db.audit import ActorKind, AuditActor, AuditChange, append_audit
from db.bootstrap import DEFAULT_PROJECT, ensure_project
from db.keys import CreatedKey, create_key, revoke_key
from db.migrate import upgrade
from db.session import Database
from db.settings import DatabaseSettings
from jobs.access import FarmRole
from jobs.errors import InvalidSettings, RayfarmError, Unavailable
from serve_app.app import build_app
from serve_app.jobs.messages import MessageAdmission
from serve_app.production import farm_faults

_REQUIRED = ("RAYFARM_DATABASE_URL", "RAYFARM_STORAGE_URL")


def main(arguments: Sequence[str] | None = None) -> int:
    """``render SPEC``, ``follow JOB``: as ``cluster.batch``. The exit status."""
    try:
        asked = batch.parsed(arguments, module="serve_app.batch")  # a typo must not cost a farm
        _require_environment()
        observe_process("rayfarm-batch")
        settings = BatchSettings()
        refuse(farm_faults())
        connect()
        with batch.stoppable():  # after Ray, which takes SIGTERM when it connects
            require_no_farm()  # before its database is touched
            upgrade(os.environ["RAYFARM_DATABASE_URL"])
            return _run(asked, settings)
    except batch.Stopped:
        _say("stopped; `rayfarm cluster gc` takes away what was made.")
        return batch.STOPPED
    except Unavailable as error:
        _say(f"error: {error}")
        return batch.UNREACHABLE
    except RayfarmError as error:
        _say(f"error: {error}")
        return batch.USAGE


def _run(asked: batch.Asked, settings: BatchSettings) -> int:
    """The verdict on a farm that is made for it, and taken away whatever the verdict."""
    try:
        with joined(settings=settings, admission=MessageAdmission, tell=_say), _key(settings.key_lifetime), _api():
            status = batch.run(asked)
    except GateIsClosed:
        raise  # it made nothing, and a sweep would wait for the same gate
    except Exception:
        _clean_up(settings)
        raise
    if status != batch.STOPPED:  # a driver that is stopped has seconds, and leaves the job to the farm
        _clean_up(settings)
    return status


def _clean_up(settings: BatchSettings) -> None:
    """What cannot be taken away is said, and leaves the verdict as it is."""
    try:
        _say(words_of(sweep(settings=settings)))
    except RayfarmError as error:
        _say(f"what was made stays: {error}")


def _require_environment() -> None:
    missing = [name for name in _REQUIRED if not os.environ.get(name)]
    if missing:
        raise InvalidSettings(
            f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not set.",
            remedy="A batch farm keeps its rows in PostgreSQL and its files where every node of the cluster reaches "
            "them (s3://…, or a folder that all share). `ray job submit --runtime-env-json` passes variables on.",
        )


@contextmanager
def _key(lifetime: timedelta) -> Iterator[None]:
    """An administrator's key for this driver alone, in its environment; revoked at the end."""
    made = asyncio.run(_make_key(lifetime))
    os.environ["RAYFARM_API_KEY"] = made.key
    try:
        yield
    finally:
        try:
            asyncio.run(_revoke(made.id))
        except RayfarmError as error:
            _say(f"the driver's API key stays until it ends by itself, {lifetime} after it was made: {error}")


async def _make_key(lifetime: timedelta) -> CreatedKey:
    name = f"batch {os.environ.get('RAY_JOB_SUBMISSION_ID') or socket.gethostname()}"
    async with _database() as database, database.transaction() as tx:
        await ensure_project(tx, slug=DEFAULT_PROJECT, name="Default")
        expires_at = datetime.now(UTC) + lifetime
        made = await create_key(tx, project_id=None, name=name, role=FarmRole.ADMIN, expires_at=expires_at)
        after = {"name": name, "prefix": made.prefix, "role": FarmRole.ADMIN}
        change = AuditChange(action="key.create", resource_type="key", resource_id=str(made.id), after=after)
        await append_audit(tx, actor=AuditActor(kind=ActorKind.FARM), change=change)
    return made


async def _revoke(key_id: UUID) -> None:
    async with _database() as database, database.transaction() as tx:
        if await revoke_key(tx, key_id=key_id):
            change = AuditChange(action="key.revoke", resource_type="key", resource_id=str(key_id))
            await append_audit(tx, actor=AuditActor(kind=ActorKind.FARM), change=change)


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    database = Database(DatabaseSettings())
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _api() -> Iterator[None]:
    """The API on loopback, in a thread, at a port of its own, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        build_app(),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        forwarded_allow_ips=BELIEVED_BY_UVICORN,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="batch-api", daemon=True)
    thread.start()
    os.environ["RAYFARM_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the Ray job's log is this program's screen


if __name__ == "__main__":
    sys.exit(main())
