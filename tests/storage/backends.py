"""What the storage tests share: a backend seen from both sides of its contract, and bytes to put into it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from storage import FileSigner, LinkExpired, LinkInvalid, Storage, StorageSettings, content_disposition, open_storage
from tests.storage.seaweedfs_server import BUCKET

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


async def read_all(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


def write(folder: Path, data: bytes, name: str = "out.png") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
