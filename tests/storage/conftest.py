"""Both storage backends behind one fixture, and what the contract suite needs to look behind the contract."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from seaweedfs_server import ACCESS_KEY, BUCKET, SECRET_KEY, SeaweedServer

from storage import FileSigner, LinkExpired, LinkInvalid, Storage, StorageSettings, content_disposition, open_storage

MIB = 1024 * 1024
SIGNING_KEY = SecretStr("5f0c7a1e9b3d8264" * 4)


@dataclass(frozen=True)
class Answer:
    """What a client sees behind a download link."""

    status: int
    body: bytes = b""
    content_type: str = ""
    disposition: str = ""


@dataclass(frozen=True)
class Backend:
    """A storage, how to open it again, and the view behind it."""

    name: str
    storage: Storage
    settings: StorageSettings
    everything: Callable[[], list[str]]
    """All that is stored, part-uploads included, whatever the contract shows of it."""

    def reopen(self, **changes: Any) -> Storage:
        return open_storage(self.settings.model_copy(update=changes))

    async def open_link(self, url: str) -> Answer:
        """Follow a link as the API, or as S3, would serve it."""
        if url.startswith("http"):
            async with httpx.AsyncClient() as client:
                got = await client.get(url)
            headers = got.headers
            return Answer(
                got.status_code, got.content, headers.get("content-type", ""), headers.get("content-disposition", "")
            )
        try:
            file = FileSigner(keys=self.settings.signing_keys).verify(url.removeprefix("/v1/files/"))
        except (LinkInvalid, LinkExpired):
            return Answer(403)
        body = b"".join([chunk async for chunk in self.storage.stream(file.key)])
        return Answer(200, body, file.media_type, content_disposition(file.filename))


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    server = SeaweedServer(tmp_path_factory.mktemp("seaweed"))
    server.wait_until_ready()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_client(seaweed: SeaweedServer) -> Any:
    return seaweed.client()


@pytest.fixture(scope="session", autouse=True)
def one_boto3_session() -> Iterator[None]:
    """Read boto3's API models once, not for each test: 5 ms instead of 100 ms per client."""
    session = boto3.session.Session()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boto3.session, "Session", lambda: session)
        yield


@pytest.fixture
def local_settings(tmp_path: Path) -> StorageSettings:
    return StorageSettings(
        url=f"file://{tmp_path}/store",
        signing_key=SIGNING_KEY,
        stream_chunk_bytes=MIB // 4,
        part_bytes=5 * MIB,
        threads=8,
    )


@pytest.fixture
def s3_settings(seaweed: SeaweedServer) -> StorageSettings:
    return StorageSettings(
        url=f"s3://{BUCKET}/{uuid.uuid4().hex}",
        endpoint_url=seaweed.url,
        access_key_id=SecretStr(ACCESS_KEY),
        secret_access_key=SecretStr(SECRET_KEY),
        stream_chunk_bytes=MIB // 4,
        part_bytes=5 * MIB,
        threads=8,
        connect_timeout=timedelta(seconds=2),
        max_attempts=3,
    )


@pytest_asyncio.fixture(params=["local", "s3"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    settings: StorageSettings = request.getfixturevalue(f"{request.param}_settings")
    storage = open_storage(settings)
    if settings.is_s3:
        client = request.getfixturevalue("s3_client")
        everything = lambda: list_bucket(client, settings.prefix)  # noqa: E731
    else:
        everything = lambda: list_folder(settings.root)  # noqa: E731
    yield Backend(request.param, storage, settings, everything)
    await storage.close()


def list_folder(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def list_bucket(client: Any, prefix: str) -> list[str]:
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    uploads = client.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix).get("Uploads", [])
    return sorted(
        [entry["Key"].removeprefix(prefix) for entry in found]
        + [f"multipart:{entry['Key'].removeprefix(prefix)}" for entry in uploads]
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def in_chunks(data: bytes, size_bytes: int = 64 * 1024) -> AsyncIterator[bytes]:
    for offset in range(0, len(data), size_bytes):
        yield data[offset : offset + size_bytes]


def pattern(size_bytes: int, *, seed: int = 1) -> bytes:
    """Bytes that differ from block to block, so that a piece put in the wrong place shows."""
    block = hashlib.sha256(bytes([seed])).digest() * 128
    return b"".join(number.to_bytes(8) + block[8:] for number in range(size_bytes // len(block) + 1))[:size_bytes]
