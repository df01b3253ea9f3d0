"""What only S3 can suffer: no server, no bucket, wrong credentials, connections that break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from jobs.errors import Unavailable
from storage import BlobDamaged, StorageSettings, blob_key, open_storage
from tests.storage.backends import MIB, in_chunks, list_bucket, pattern, sha256
from tests.storage.seaweedfs_server import BUCKET

DATA = pattern(6 * MIB)


@asynccontextmanager
async def breaking_proxy(target_url: str, *, cut_after_bytes: int, cuts: int) -> AsyncIterator[str]:
    """Pass bytes on to the server, but drop the first large answers in the middle."""
    host, port = urlsplit(target_url).hostname, urlsplit(target_url).port
    left = cuts

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        upstream_reader, upstream_writer = await asyncio.open_connection(host, port)

        async def forward() -> None:
            while data := await reader.read(65536):
                upstream_writer.write(data)
                await upstream_writer.drain()

        async def back() -> None:
            nonlocal left
            sent = 0
            while data := await upstream_reader.read(65536):
                sent += len(data)
                if left and sent > cut_after_bytes:
                    left -= 1
                    return
                writer.write(data)
                await writer.drain()

        tasks = [asyncio.create_task(forward()), asyncio.create_task(back())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.transport.abort()
        upstream_writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
    assert left == 0, "the proxy was meant to break connections"


async def test_a_download_goes_on_where_its_connection_broke(s3_settings: StorageSettings, tmp_path: Path) -> None:
    direct = open_storage(s3_settings)
    await direct.put_blob(sha256(DATA), in_chunks(DATA))
    await direct.close()
    assert s3_settings.endpoint_url
    async with breaking_proxy(s3_settings.endpoint_url, cut_after_bytes=2 * MIB, cuts=2) as url:
        storage = open_storage(s3_settings.model_copy(update={"endpoint_url": url}))
        await storage.fetch_blob(sha256(DATA), tmp_path / "scene.blend")
        await storage.close()
    assert (tmp_path / "scene.blend").read_bytes() == DATA


async def test_a_download_that_keeps_breaking_fails_and_leaves_no_file(
    s3_settings: StorageSettings, tmp_path: Path
) -> None:
    direct = open_storage(s3_settings)
    await direct.put_blob(sha256(DATA), in_chunks(DATA))
    await direct.close()
    assert s3_settings.endpoint_url
    async with breaking_proxy(s3_settings.endpoint_url, cut_after_bytes=MIB, cuts=3) as url:
        storage = open_storage(s3_settings.model_copy(update={"endpoint_url": url}))
        with pytest.raises(Unavailable):
            await storage.fetch_blob(sha256(DATA), tmp_path / "cache" / "scene.blend")
        await storage.close()
    assert list((tmp_path / "cache").iterdir()) == []


async def test_a_server_that_is_down_is_unavailable(s3_settings: StorageSettings, tmp_path: Path) -> None:
    storage = open_storage(s3_settings.model_copy(update={"endpoint_url": "http://127.0.0.1:1", "max_attempts": 1}))
    source = tmp_path / "a.png"
    source.write_bytes(b"frame")
    with pytest.raises(Unavailable, match="does not answer"):
        await storage.check()
    with pytest.raises(Unavailable):
        await storage.has_blob(sha256(DATA))
    with pytest.raises(Unavailable):
        await storage.put_artifact("artifacts/j/1/a/a.png", source, media_type="image/png", consume=True)
    assert source.exists()
    await storage.close()


async def test_a_bucket_that_does_not_exist_is_named(s3_settings: StorageSettings) -> None:
    storage = open_storage(s3_settings.model_copy(update={"url": "s3://no-such-bucket/x"}))
    with pytest.raises(Unavailable, match=r"no-such-bucket does not exist"):
        await storage.check()
    await storage.close()


async def test_wrong_credentials_are_named_as_the_cause(s3_settings: StorageSettings) -> None:
    storage = open_storage(s3_settings.model_copy(update={"secret_access_key": SecretStr("wrong" * 8)}))
    with pytest.raises(Unavailable, match="refused access"):
        await storage.check()
    await storage.close()


async def test_a_tampered_blob_is_never_handed_out(
    s3_settings: StorageSettings, s3_client: Any, tmp_path: Path
) -> None:
    storage = open_storage(s3_settings)
    await storage.put_blob(sha256(DATA), in_chunks(DATA))
    s3_client.put_object(Bucket=BUCKET, Key=s3_settings.prefix + blob_key(sha256(DATA)), Body=b"poison")
    with pytest.raises(BlobDamaged):
        await storage.fetch_blob(sha256(DATA), tmp_path / "cache" / "scene.blend")
    assert list((tmp_path / "cache").iterdir()) == []
    await storage.close()


async def test_nothing_is_visible_while_a_large_upload_is_under_way(
    s3_settings: StorageSettings, s3_client: Any
) -> None:
    storage = open_storage(s3_settings)
    seen: list[list[str]] = []

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in in_chunks(pattern(11 * MIB), MIB):
            yield chunk
        seen.append(list_bucket(s3_client, s3_settings.prefix))

    digest = sha256(pattern(11 * MIB))
    await storage.put_blob(digest, watched())
    assert seen == [[f"multipart:{blob_key(digest)}"]]
    assert list_bucket(s3_client, s3_settings.prefix) == [blob_key(digest)]
    await storage.close()


async def test_links_carry_the_address_that_clients_reach(s3_settings: StorageSettings) -> None:
    storage = open_storage(s3_settings.model_copy(update={"public_endpoint_url": "https://files.example.org"}))
    url = storage.download_url(
        "artifacts/j/1/a/a.png", expires_in=timedelta(minutes=1), filename="a.png", media_type="image/png"
    )
    assert url.startswith(f"https://files.example.org/{BUCKET}/")
    await storage.close()
