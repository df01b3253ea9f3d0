"""Parts of uploads in S3: clients put them there by presigned links, and the farm reads the whole before it is a blob.

The parts make an object of their own below ``uploads/``. S3's checksum of such an object is one over its parts and not
its SHA-256, so it is read back once, and copied to its name within S3 when it is right. Nobody but the farm can change
it in between: links take parts only, and only until the parts are put together.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from jobs.errors import NotFound
from storage._threads import Threads
from storage.base import DigestMismatch, ObjectNotFound
from storage.keys import blob_key
from storage.parts import STAGING, StagedUpload, require_all
from storage.s3 import BLOB_MEDIA_TYPE, make_client
from storage.s3_errors import error_code, s3_errors
from storage.settings import StorageSettings

_GONE = {"NoSuchUpload", "404"}


class S3Parts:
    """See ``PartUploads`` for what each method promises."""

    def __init__(self, *, settings: StorageSettings) -> None:
        self._settings = settings
        self._bucket = settings.bucket
        self._client = make_client(settings, settings.endpoint_url)
        public = settings.public_endpoint_url
        self._link_client = make_client(settings, public) if public else self._client
        self._threads = Threads(threads=settings.threads, name="storage-parts")

    async def begin(self, upload_id: UUID, *, digest: str) -> str:
        with s3_errors(self._bucket, self._key(upload_id)):
            answer = await self._threads.run(
                lambda: self._client.create_multipart_upload(
                    Bucket=self._bucket, Key=self._key(upload_id), ContentType=BLOB_MEDIA_TYPE
                )
            )
        return answer["UploadId"]

    def part_url(self, upload: StagedUpload, number: int, *, expires_in: timedelta) -> str:
        lifetime = min(expires_in, self._settings.max_url_lifetime)
        return self._link_client.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self._bucket,
                "Key": self._key(upload.id),
                "UploadId": upload.reference,
                "PartNumber": number,
                "ContentLength": upload.size_of(number),  # signed: no other length is taken
            },
            ExpiresIn=max(1, int(lifetime.total_seconds())),
        )

    async def write(self, upload_id: UUID, number: int, chunks: AsyncIterator[bytes], *, size_bytes: int) -> None:
        raise NotFound("This farm takes no parts of its own.", remedy="Use the links of GET /v1/uploads/{id}.")

    async def found(self, upload: StagedUpload) -> dict[int, int]:
        return {number: size for number, (size, _) in (await self._parts(upload)).items()}

    async def assemble(self, upload: StagedUpload) -> None:
        parts = await self._parts(upload)
        require_all(upload, {number: size for number, (size, _) in parts.items()})
        key = blob_key(upload.digest)
        stop = threading.Event()
        with s3_errors(self._bucket, key):
            if all(tag for _, tag in parts.values()):
                await self._threads.run(self._put_together, upload, {n: tag for n, (_, tag) in parts.items()})
            actual = await self._threads.run(self._sha256, upload, stop, stop=stop)
            if actual != upload.digest:
                raise DigestMismatch(
                    f"The {upload.size_bytes} uploaded bytes have the SHA-256 {actual}, not {upload.digest}.",
                    field="digest",
                    remedy="The file may have changed meanwhile: digest it again, then upload it.",
                    expected=upload.digest,
                    actual=actual,
                )
            await self._threads.run(self._copy, upload, key)

    async def discard(self, upload_id: UUID, *, reference: str) -> None:
        with s3_errors(self._bucket, self._key(upload_id)):
            await self._threads.run(self._abort, upload_id, reference)
            await self._threads.run(self._delete, upload_id)

    async def close(self) -> None:
        await self._threads.close()
        self._client.close()
        self._link_client.close()

    def _key(self, upload_id: UUID) -> str:
        return f"{self._settings.prefix}{STAGING}/{upload_id}"

    async def _parts(self, upload: StagedUpload) -> dict[int, tuple[int, str]]:
        """Number → bytes and tag; no tags where the parts have been put together already."""
        with s3_errors(self._bucket, self._key(upload.id)):
            try:
                return await self._threads.run(self._list, upload)
            except ClientError as error:
                if error_code(error) not in _GONE:
                    raise
            with suppress(ObjectNotFound), s3_errors(self._bucket, self._key(upload.id)):
                head = await self._threads.run(
                    lambda: self._client.head_object(Bucket=self._bucket, Key=self._key(upload.id))
                )
                if head["ContentLength"] == upload.size_bytes:
                    return {number: (upload.size_of(number), "") for number in range(1, upload.part_count + 1)}
        raise ObjectNotFound(f"The upload {upload.id} has ended.", remedy="Begin it anew: POST /v1/uploads.")

    def _list(self, upload: StagedUpload) -> dict[int, tuple[int, str]]:
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._bucket, Key=self._key(upload.id), UploadId=upload.reference
        )
        newest: dict[int, Any] = {}
        for page in pages:
            for part in page.get("Parts", []):
                number = part["PartNumber"]
                known = newest.get(number)  # SeaweedFS lists each version of a part that was sent again
                rank = (part["Size"] == upload.size_of(number), part["LastModified"])
                if known is None or rank >= (known["Size"] == upload.size_of(number), known["LastModified"]):
                    newest[number] = part
        return {number: (part["Size"], part["ETag"]) for number, part in newest.items()}

    def _put_together(self, upload: StagedUpload, tags: dict[int, str]) -> None:
        self._client.complete_multipart_upload(
            Bucket=self._bucket,
            Key=self._key(upload.id),
            UploadId=upload.reference,
            MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tags[n]} for n in range(1, upload.part_count + 1)]},
        )

    def _sha256(self, upload: StagedUpload, stop: threading.Event) -> str:
        digest = hashlib.sha256()
        body = self._client.get_object(Bucket=self._bucket, Key=self._key(upload.id))["Body"]
        try:
            while not stop.is_set() and (piece := body.read(self._settings.stream_chunk_bytes)):
                digest.update(piece)
        finally:
            body.close()
        return digest.hexdigest()

    def _copy(self, upload: StagedUpload, key: str) -> None:
        self._client.copy(
            {"Bucket": self._bucket, "Key": self._key(upload.id)},
            self._bucket,
            self._settings.prefix + key,
            ExtraArgs={
                "Metadata": {"sha256": upload.digest},
                "MetadataDirective": "REPLACE",
                "ContentType": BLOB_MEDIA_TYPE,
            },
            Config=TransferConfig(
                multipart_threshold=4 * self._settings.part_bytes,
                multipart_chunksize=4 * self._settings.part_bytes,
                max_concurrency=self._settings.parts_in_flight,
            ),
        )

    def _abort(self, upload_id: UUID, reference: str) -> None:
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key(upload_id), UploadId=reference)
        except ClientError as error:
            if error_code(error) not in _GONE:
                raise

    def _delete(self, upload_id: UUID) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._key(upload_id))
