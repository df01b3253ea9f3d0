"""A farm whose frames and models have files, for tests of their garbage collection."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from cluster.loops.bucket_owners import FARMS
from cluster.loops.collector import Collector
from cluster.loops.settings import LoopSettings
from db.queue import ClaimedChunk, FrameCommit, NewArtifact, commit_frames
from db.repositories.blobs import record_blob
from db.session import Database
from storage.base import Storage
from storage.keys import artifact_key
from storage.open import open_storage
from storage.settings import StorageSettings
from tests.db.builders import Farm, commit_of

IN_TWO_DAYS = timedelta(days=2)


@pytest.fixture
async def farm(db: Database) -> Farm:
    return await Farm.create(db)


@pytest.fixture
async def db(settings: Any) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.close()


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = open_storage(
        StorageSettings(url=(tmp_path / "store").as_uri(), signing_key=SecretStr("0123456789abcdef" * 4))
    )
    yield opened
    await opened.close()


class Studio:
    """A farm whose frames have files."""

    def __init__(self, farm: Farm, storage: Storage, folder: Path) -> None:
        self.farm, self.storage, self.folder = farm, storage, folder

    async def upload(self, job_id: UUID, part: int | str, *, attempt: UUID | None = None) -> NewArtifact:
        """A file of an attempt that may or may not be committed."""
        content = uuid4().bytes * 8
        source = self.folder / uuid4().hex
        source.write_bytes(content)
        key = artifact_key(job_id=str(job_id), part=part, attempt=str(attempt or uuid4()), filename="frame.png")
        stored = await self.storage.put_artifact(key, source, media_type="image/png")
        return NewArtifact(
            kind="frame",
            name="frame.png",
            storage_key=key,
            size_bytes=stored.size_bytes,
            sha256=hashlib.sha256(content).hexdigest(),
            media_type="image/png",
        )

    async def finished(self, chunk: ClaimedChunk, ordinal: int) -> FrameCommit:
        """A frame that is rendered and uploaded, and not committed yet."""
        attempt = uuid4()
        return commit_of(
            chunk,
            ordinal,
            attempt_id=attempt,
            artifacts=[await self.upload(chunk.job_id, ordinal, attempt=attempt)],
        )

    async def commit(self, chunk: ClaimedChunk, *frames: FrameCommit) -> list[int] | None:
        return await commit_frames(
            self.farm.db, work_id=chunk.work_id, fence=chunk.fence, replica_id=uuid4(), frames=frames
        )

    async def collect(self, *, page: int = 3, later: timedelta = IN_TWO_DAYS, **settings: Any) -> int:
        """One whole walk, ``later`` from now."""
        collector = self.collector(page=page, later=later, **settings)
        epoch = await self.farm.lead()
        deleted = await collector.tick(epoch)
        while collector.walks:
            deleted += await collector.tick(epoch)
        return deleted

    def collector(self, *, page: int = 3, later: timedelta = IN_TWO_DAYS, **settings: Any) -> Collector:
        return Collector(
            database=self.farm.db,
            storage=self.storage,
            settings=LoopSettings(collect_page=page, **settings),
            clock=lambda: datetime.now(UTC) + later,
        )

    async def stored(self) -> set[str]:
        found = await self.storage.list_objects("artifacts/", limit=10_000)
        return {item.key for item in found if not item.key.startswith(FARMS)}

    async def named(self) -> dict[str, str]:
        rows = await self.farm.rows("select storage_key, sha256 from artifact")
        return {row.storage_key: row.sha256 for row in rows}

    async def assert_named_are_whole(self) -> None:
        for key, sha256 in (await self.named()).items():
            digest = hashlib.sha256()
            async for piece in self.storage.stream(key):
                digest.update(piece)
            assert digest.hexdigest() == sha256, key


@pytest.fixture
def studio(farm: Farm, storage: Storage, tmp_path: Path) -> Studio:
    return Studio(farm, storage, tmp_path)


async def stored(studio: Studio, content: bytes) -> str:
    """Bytes in storage that no row names."""
    digest = hashlib.sha256(content).hexdigest()

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    await studio.storage.put_blob(digest, pieces())
    return digest


async def uploaded(studio: Studio, content: bytes) -> str:
    """Uploaded long ago."""
    digest = await stored(studio, content)
    async with studio.farm.db.transaction() as tx:
        await record_blob(tx, project_id=studio.farm.project_id, digest=digest, size_bytes=len(content))
    for table, column in (("blob", "created_at"), ("project_blob", "sent_at")):
        await studio.farm.execute(
            f"update {table} set {column} = now() - interval '9 days' where digest = :d", d=digest
        )
    return digest
