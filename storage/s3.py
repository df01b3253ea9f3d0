"""Storage in an S3 bucket: for clusters, on AWS or any server that speaks S3.

boto3 blocks, so its calls run on a bounded pool of threads. A blob becomes visible only after its digest is checked:
small ones are sent in one request once all bytes are here, large ones as parts whose completion waits for the check.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jobs.errors import Unavailable
from storage import files
from storage._threads import Threads
from storage.base import ArtifactUpload, ListedObject, ObjectNotFound, StoredObject
from storage.disposition import content_disposition
from storage.intake import Intake, rechunk, require_range
from storage.keys import blob_key, require_key, require_media_type, require_prefix
from storage.parts import STAGING
from storage.s3_download import Download
from storage.s3_errors import error_code, s3_errors
from storage.s3_multipart import MultipartUpload
from storage.settings import StorageSettings

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

BLOB_MEDIA_TYPE = "application/octet-stream"
_LIST_PAGE = 1000
"""S3's own limit on the keys of one answer."""
_ALREADY_THERE = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}


class S3Storage:
    """See ``Storage`` for what each method promises."""

    def __init__(self, *, settings: StorageSettings) -> None:
        self._settings = settings
        self._bucket = settings.bucket
        self._prefix = settings.prefix
        self._client = make_client(settings, settings.endpoint_url)
        public = settings.public_endpoint_url
        self._link_client = make_client(settings, public) if public else self._client
        self._threads = Threads(threads=settings.threads, name="storage-s3")

    async def put_blob(self, digest: str, chunks: AsyncIterator[bytes], *, size_bytes: int | None = None) -> int:
        intake = Intake(digest=digest, size_bytes=size_bytes, max_bytes=self._settings.max_blob_bytes)
        pieces = self._checked(rechunk(chunks, self._settings.part_bytes), intake)
        if await self.has_blob(digest):
            async for _ in pieces:
                pass
            return intake.finish()
        key = blob_key(digest)
        first = await anext(pieces, b"")
        second = await anext(pieces, None)
        try:
            with s3_errors(self._bucket, key):
                if second is None:
                    intake.finish()
                    await self._threads.run(self._put, key, first, BLOB_MEDIA_TYPE, digest, True)
                else:
                    upload = self._multipart(key, BLOB_MEDIA_TYPE, digest)
                    await upload.send(_chain(first, second, pieces), accept=intake.finish, only_if_absent=True)
        except Unavailable as error:
            # Someone else stored the same bytes meanwhile. 409 says only that someone may have: look.
            cause = error.__cause__
            if not (isinstance(cause, ClientError) and error_code(cause) in _ALREADY_THERE):
                raise
            if not await self.has_blob(digest):
                raise
        return intake.received_bytes

    async def has_blob(self, digest: str) -> bool:
        return await self._head(blob_key(digest)) is not None

    async def fetch_blob(self, digest: str, destination: Path) -> None:
        await self._download(blob_key(digest), destination, digest)

    async def put_artifact(self, key: str, source: Path, *, media_type: str, consume: bool = False) -> StoredObject:
        require_key(key)
        require_media_type(media_type)
        with files.open_source(source) as file, s3_errors(self._bucket, key):
            try:
                if os.fstat(file.fileno()).st_size <= self._settings.part_bytes:
                    stored = await self._threads.run(self._put_small, key, file, media_type)
                else:
                    stored = await self._put_large(key, file, media_type)
            except asyncio.CancelledError:
                await self._forget([key])
                raise
        if consume:
            source.unlink(missing_ok=True)
        return stored

    async def put_artifacts(self, uploads: Sequence[ArtifactUpload], *, consume: bool = False) -> list[StoredObject]:
        tasks: list[asyncio.Task[StoredObject]] = []
        try:
            async with asyncio.TaskGroup() as group:
                for upload in uploads:
                    work = self.put_artifact(upload.key, upload.source, media_type=upload.media_type)
                    tasks.append(group.create_task(work, name=f"put {upload.key}"))
        except BaseException as error:
            await self._forget([upload.key for upload in uploads])
            raise (error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error) from None
        if consume:
            for upload in uploads:
                upload.source.unlink(missing_ok=True)
        return [task.result() for task in tasks]

    async def fetch(self, key: str, destination: Path) -> None:
        await self._download(require_key(key), destination, None)

    async def stat(self, key: str) -> StoredObject | None:
        head = await self._head(require_key(key))
        if head is None:
            return None
        return StoredObject(
            key=key,
            size_bytes=head["ContentLength"],
            sha256=head.get("Metadata", {}).get("sha256", ""),
            media_type=head.get("ContentType", BLOB_MEDIA_TYPE),
        )

    async def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        require_range(start, end)
        if end == start:
            if await self._head(require_key(key)) is None:
                raise ObjectNotFound(f"Storage holds no {key}.", key=key)
            return
        wanted = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        with s3_errors(self._bucket, key):
            try:
                body = await self._threads.run(self._get_body, require_key(key), wanted)
            except ClientError as error:
                if error_code(error) in {"InvalidRange", "416"}:  # starts after the end: empty, as in Python
                    return
                raise
            try:
                while chunk := await self._threads.run(body.read, self._settings.stream_chunk_bytes):
                    yield chunk
            finally:
                body.close()

    async def delete(self, key: str) -> None:
        with s3_errors(self._bucket, require_key(key)):
            await self._threads.run(self._delete, key)

    async def list_objects(self, prefix: str, *, after: str = "", limit: int) -> list[ListedObject]:
        found: list[ListedObject] = []
        with s3_errors(self._bucket, require_prefix(prefix)):
            while len(found) < limit:
                page = await self._threads.run(self._list, prefix, after, limit - len(found))
                found += page
                if not page:
                    break
                after = page[-1].key
        return found

    def download_url(self, key: str, *, expires_in: timedelta, filename: str, media_type: str) -> str:
        lifetime = min(expires_in, self._settings.max_url_lifetime)
        return self._link_client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": self._prefix + require_key(key),
                "ResponseContentDisposition": content_disposition(filename),
                "ResponseContentType": require_media_type(media_type),
            },
            ExpiresIn=max(1, int(lifetime.total_seconds())),
        )

    async def sweep(self) -> int:
        with s3_errors(self._bucket, self._prefix):
            return await self._threads.run(self._sweep)

    async def check(self) -> None:
        try:
            with s3_errors(self._bucket, ""):
                await self._threads.run(lambda: self._client.head_bucket(Bucket=self._bucket))
        except ObjectNotFound as error:  # HEAD of a bucket that is not there says 404 and no more
            raise Unavailable(
                f"The S3 bucket {self._bucket} does not exist.",
                remedy="Create it, or correct RAYFARM_STORAGE_URL.",
            ) from error

    async def close(self) -> None:
        await self._threads.close()
        self._client.close()
        self._link_client.close()

    async def _checked(self, pieces: AsyncIterator[bytes], intake: Intake) -> AsyncIterator[bytes]:
        async for piece in pieces:
            await self._threads.run(intake.feed, piece)
            yield piece

    def _put_small(self, key: str, file: BinaryIO, media_type: str) -> StoredObject:
        body = file.read()
        sha256 = hashlib.sha256(body).hexdigest()
        self._put(key, body, media_type, sha256, False)
        return StoredObject(key=key, size_bytes=len(body), sha256=sha256, media_type=media_type)

    async def _put_large(self, key: str, file: BinaryIO, media_type: str) -> StoredObject:
        sha256 = await self._threads.run(files.sha256_of, file)  # first: the label is sent before the parts
        size_bytes = file.tell()
        check = Intake(digest=sha256, size_bytes=size_bytes, max_bytes=size_bytes)

        async def parts() -> AsyncIterator[bytes]:
            file.seek(0)
            while part := await self._threads.run(file.read, self._settings.part_bytes):
                yield part

        upload = self._multipart(key, media_type, sha256)
        await upload.send(self._checked(parts(), check), accept=check.finish, only_if_absent=False)
        return StoredObject(key=key, size_bytes=size_bytes, sha256=sha256, media_type=media_type)

    def _multipart(self, key: str, media_type: str, sha256: str) -> MultipartUpload:
        return MultipartUpload(
            client=self._client,
            threads=self._threads,
            bucket=self._bucket,
            key=self._prefix + key,
            media_type=media_type,
            sha256=sha256,
            parts_in_flight=self._settings.parts_in_flight,
        )

    def _put(self, key: str, body: bytes, media_type: str, sha256: str, only_if_absent: bool) -> None:
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if only_if_absent else {}
        self._client.put_object(
            Bucket=self._bucket,
            Key=self._prefix + key,
            Body=body,
            ContentType=media_type,
            Metadata={"sha256": sha256},
            ChecksumSHA256=b64encode(bytes.fromhex(sha256)).decode(),  # the server refuses a body that differs
            **condition,
        )

    def _get_body(self, key: str, wanted: dict[str, Any]) -> StreamingBody:
        return self._client.get_object(Bucket=self._bucket, Key=self._prefix + key, **wanted)["Body"]

    def _delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def _list(self, prefix: str, after: str, limit: int) -> list[ListedObject]:
        start: dict[str, Any] = {"StartAfter": self._prefix + after} if after else {}
        page = self._client.list_objects_v2(
            Bucket=self._bucket, Prefix=self._prefix + prefix, MaxKeys=min(limit, _LIST_PAGE), **start
        )
        return [
            ListedObject(
                key=entry["Key"].removeprefix(self._prefix), size_bytes=entry["Size"], stored_at=entry["LastModified"]
            )
            for entry in page.get("Contents", [])
        ]

    async def _head(self, key: str) -> HeadObjectOutputTypeDef | None:
        with suppress(ObjectNotFound), s3_errors(self._bucket, key):
            return await self._threads.run(
                lambda: self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
            )
        return None

    async def _download(self, key: str, destination: Path, digest: str | None) -> None:
        stop = threading.Event()
        download = Download(
            client=self._client,
            bucket=self._bucket,
            key=self._prefix + key,
            chunk_bytes=self._settings.stream_chunk_bytes,
            attempts=self._settings.max_attempts,
            stop=stop,
        )
        with s3_errors(self._bucket, key):
            await self._threads.run(download.save, destination, digest, stop=stop)

    async def _forget(self, keys: list[str]) -> None:
        """Take back what may have been stored; what a broken server keeps is under a key that no row names."""
        for key in keys:
            with suppress(ClientError, BotoCoreError):
                await self._threads.run(self._delete, key)

    def _sweep(self) -> int:
        now = datetime.now(UTC)
        oldest, oldest_staged = now - self._settings.abandoned_upload_age, now - self._settings.upload_lifetime
        staging = f"{self._prefix}{STAGING}/"
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=self._prefix)
        swept = 0
        for page in pages:
            for upload in page.get("Uploads", []):
                if upload["Initiated"] < (oldest_staged if upload["Key"].startswith(staging) else oldest):
                    with suppress(ClientError):  # it has just ended, or another process sweeps too
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        swept += 1
        # Put together, but neither accepted nor refused: the process that checked it died and nobody asked again.
        listing = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=staging)
        for objects in listing:
            for entry in objects.get("Contents", []):
                if entry["LastModified"] < oldest_staged:
                    self._client.delete_object(Bucket=self._bucket, Key=entry["Key"])
                    swept += 1
        return swept


async def _chain(first: bytes, second: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    yield second
    async for piece in rest:
        yield piece


def make_client(settings: StorageSettings, endpoint_url: str | None) -> S3Client:
    """A client as the settings say; ``endpoint_url``: None means AWS."""
    keys: dict[str, Any] = {}
    if settings.access_key_id and settings.secret_access_key:
        keys["aws_access_key_id"] = settings.access_key_id.get_secret_value()
        keys["aws_secret_access_key"] = settings.secret_access_key.get_secret_value()
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=settings.region,
        config=Config(
            signature_version="s3v4",
            max_pool_connections=settings.threads,
            connect_timeout=settings.connect_timeout.total_seconds(),
            read_timeout=settings.read_timeout.total_seconds(),
            retries={"mode": "standard", "total_max_attempts": settings.max_attempts},
            tcp_keepalive=True,
            # Self-hosted servers rarely have a DNS name per bucket.
            s3={"addressing_style": "path" if endpoint_url else "auto"},
        ),
        **keys,
    )
