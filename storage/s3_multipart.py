"""Large S3 uploads: parts sent side by side, completed only when the whole has been checked, aborted otherwise.

S3 shows nothing under the key before the completion, so nothing needs to be taken back. An upload whose process was
killed is aborted by ``Storage.sweep``; a bucket rule AbortIncompleteMultipartUpload does the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from storage._threads import Threads

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

log = logging.getLogger(__name__)


class MultipartUpload:
    """One upload; ``send`` once."""

    def __init__(
        self,
        *,
        client: S3Client,
        threads: Threads,
        bucket: str,
        key: str,
        media_type: str,
        sha256: str,
        parts_in_flight: int,
    ) -> None:
        self._client = client
        self._threads = threads
        self._bucket = bucket
        self._key = key
        self._media_type = media_type
        self._sha256 = sha256
        self._parts_in_flight = parts_in_flight

    async def send(self, pieces: AsyncIterator[bytes], *, accept: Callable[[], object], only_if_absent: bool) -> None:
        """Send all pieces, call ``accept`` (which raises to refuse them), then make the object visible."""
        upload_id = await self._create()
        in_flight: deque[asyncio.Future[CompletedPartTypeDef]] = deque()
        try:
            parts: list[CompletedPartTypeDef] = []
            number = 0
            async for piece in pieces:
                number += 1
                in_flight.append(self._threads.start(self._send_part, upload_id, number, piece))
                if len(in_flight) >= self._parts_in_flight:
                    parts.append(await asyncio.shield(in_flight[0]))
                    in_flight.popleft()
            while in_flight:
                parts.append(await asyncio.shield(in_flight[0]))
                in_flight.popleft()
            accept()
            await self._threads.run(self._complete, upload_id, parts, only_if_absent)
        except BaseException:
            # First the parts, then the abort: a part that lands after it would stay, and be paid for.
            try:
                await self._threads.settle(in_flight)
            finally:
                await self._threads.run(self._abort, upload_id)
            raise

    async def _create(self) -> str:
        creation = self._threads.start(self._create_upload)
        try:
            return await asyncio.shield(creation)
        except asyncio.CancelledError:
            await self._threads.settle([creation])
            if not creation.cancelled() and creation.exception() is None:
                await self._threads.run(self._abort, creation.result())
            raise

    def _create_upload(self) -> str:
        return self._client.create_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            ContentType=self._media_type,
            Metadata={"sha256": self._sha256},
            ChecksumAlgorithm="CRC32",
        )["UploadId"]

    def _send_part(self, upload_id: str, number: int, piece: bytes) -> CompletedPartTypeDef:
        answer = self._client.upload_part(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=upload_id,
            PartNumber=number,
            Body=piece,
            ChecksumAlgorithm="CRC32",
        )
        part: CompletedPartTypeDef = {"PartNumber": number, "ETag": answer["ETag"]}
        if "ChecksumCRC32" in answer:  # servers that do not keep checksums refuse to be told one
            part["ChecksumCRC32"] = answer["ChecksumCRC32"]
        return part

    def _complete(self, upload_id: str, parts: list[CompletedPartTypeDef], only_if_absent: bool) -> None:
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if only_if_absent else {}
        self._client.complete_multipart_upload(
            Bucket=self._bucket, Key=self._key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **condition
        )

    def _abort(self, upload_id: str) -> None:
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=upload_id)
        except (ClientError, BotoCoreError) as error:
            log.warning(
                "multipart upload not aborted; the sweep will",
                extra={"action": "storage.abort_failed", "key": self._key, "error": str(error)},
            )
