"""Puts files into a customer's own bucket, with the customer's key: nothing is read there, listed or changed.

The key needs ``s3:PutObject`` and ``s3:AbortMultipartUpload`` below the prefix, and no more. The farm's own credentials
are never used: a farm that took a bucket's name alone would write wherever its operator may (the confused deputy).
"""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import HTTPError

from jobs.delivery import TEST_KEY, DeliverySettings
from jobs.egress import Egress, EgressRefused
from jobs.notices import plain
from storage._threads import Threads
from storage.guarded_http import GuardedSession
from storage.intake import Intake, rechunk
from storage.open_bucket import BucketAddress, BucketRefused
from storage.s3_errors import error_code
from storage.s3_multipart import MultipartUpload

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_ATTEMPTS = 2
"""Of one request: a connection that the server had closed meanwhile; longer troubles are the caller's to wait out."""

_MAX_WORDS = 300
"""Characters of what a server says."""

_CREATING = threading.Lock()
"""botocore makes one client at a time of a session."""


class CustomerBucket:
    """See ``Bucket`` for what each method promises."""

    def __init__(self, address: BucketAddress, *, egress: Egress, settings: DeliverySettings) -> None:
        """Raises ``BucketRefused`` for an address that nothing can be sent to."""
        self._address = address
        self._settings = settings
        self._threads = Threads(threads=settings.parts_in_flight + 1, name="delivery")
        self._http = GuardedSession(
            egress=egress,
            connect_timeout_s=settings.connect_timeout.total_seconds(),
            read_timeout_s=settings.read_timeout.total_seconds(),
            connections=settings.parts_in_flight + 1,
        )
        with self._told("open it"):
            if address.endpoint_url is not None:
                egress.parse(address.endpoint_url, field="endpoint_url")
            self._client: S3Client = _client(address, settings)
        events: Any = self._client.meta.events  # its stubs know of no hook that gives something back
        events.register("before-send.s3", self._http.answer)

    async def put(
        self, path: str, pieces: AsyncGenerator[bytes, None], *, size_bytes: int, sha256: str, media_type: str
    ) -> None:
        check = Intake(digest=sha256, size_bytes=size_bytes, max_bytes=size_bytes)
        key = self._address.prefix + path
        async with self._within(self._settings.longest_for(size_bytes)), aclosing(pieces):
            parts = self._checked(rechunk(pieces, self._settings.part_bytes), check)
            first = await anext(parts, b"")
            second = await anext(parts, None)
            with self._told(f"write {key}"):
                if second is None:
                    check.finish()
                    await self._threads.run(self._put, key, first, media_type, sha256)
                    return
                upload = MultipartUpload(
                    client=self._client,
                    threads=self._threads,
                    bucket=self._address.bucket,
                    key=key,
                    media_type=media_type,
                    sha256=sha256,
                    parts_in_flight=self._settings.parts_in_flight,
                )
                await upload.send(_chain(first, second, parts), accept=check.finish, only_if_absent=False)

    async def test(self) -> bool:
        key = self._address.prefix + TEST_KEY
        body = b"Rayfarm tries whether it may write here.\n"
        async with self._within(self._settings.test_timeout):
            with self._told(f"write {key}"):
                await self._threads.run(self._put_plain, key, body)
            try:
                with self._told(f"delete {key}"):
                    await self._threads.run(self._delete, key)
            except BucketRefused:
                return False
        return True

    def stop(self) -> None:
        self._http.stop()

    async def close(self) -> None:
        self._http.stop()
        await self._threads.close()
        self._http.close()
        self._client.close()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Failures of the server, in words."""
        try:
            yield
        except EgressRefused as error:
            raise _refused_address(error) from error
        except ClientError as error:
            raise self._of_answer(error, what) from error
        except (BotoCoreError, HTTPError) as error:
            raise self._of_silence(error) from error

    @asynccontextmanager
    async def _within(self, longest: timedelta) -> AsyncIterator[None]:
        """A thread that waits for a server cannot be cancelled: its connections are shut under it instead."""
        timer = asyncio.get_running_loop().call_later(longest.total_seconds(), self._http.stop)
        try:
            yield
        finally:
            timer.cancel()

    def _put(self, key: str, body: bytes, media_type: str, sha256: str) -> None:
        self._client.put_object(
            Bucket=self._address.bucket,
            Key=key,
            Body=body,
            ContentType=media_type,
            Metadata={"sha256": sha256},
            ChecksumSHA256=b64encode(bytes.fromhex(sha256)).decode(),  # the server refuses a body that differs
        )

    def _put_plain(self, key: str, body: bytes) -> None:
        self._client.put_object(Bucket=self._address.bucket, Key=key, Body=body, ContentType="text/plain")

    def _delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._address.bucket, Key=key)

    async def _checked(self, pieces: AsyncIterator[bytes], check: Intake) -> AsyncIterator[bytes]:
        async for piece in pieces:
            await self._threads.run(check.feed, piece)
            yield piece

    def _of_answer(self, error: ClientError, what: str) -> BucketRefused:
        code, bucket, region = error_code(error), self._address.bucket, self._address.region
        said = plain(str(error.response.get("Error", {}).get("Message") or ""), _MAX_WORDS)
        match code:
            case "InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException":
                words, remedy = "The server does not know this access key id.", "Set the destination's key anew."
            case "SignatureDoesNotMatch":
                words = "The secret access key does not belong to the access key id."
                remedy = "Set the destination's key anew."
            case "AccessDenied" | "Forbidden" | "403" | "AllAccessDisabled" | "AccountProblem":
                words = f"The key may not {what} in the bucket {bucket} ({code}). {said}".strip()
                remedy = (
                    "Allow it s3:PutObject and s3:AbortMultipartUpload on "
                    f"arn:aws:s3:::{bucket}/{self._address.prefix}*"
                )
            case "NoSuchBucket" | "404":
                words, remedy = f"There is no bucket {bucket}.", "Create it, or correct the destination."
            case "PermanentRedirect" | "301" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException":
                words = f"The bucket {bucket} is not in the region {region}. {said}".strip()
                remedy = "Correct the destination's region."
            case "RequestTimeTooSkewed":
                words, remedy = f"The clocks differ. {said}".strip(), "An operator corrects the clock of the farm."
            case _:
                words = f"The server answered {plain(code, 60)}. {said}".strip()
                remedy = "See its documentation for what that means."
        return BucketRefused(words, remedy=remedy, code=plain(code, 60))

    def _of_silence(self, error: BotoCoreError | HTTPError) -> BucketRefused:
        host = self._address.endpoint_url or f"S3 in {self._address.region}"
        cause = error.kwargs.get("error") if isinstance(error, BotoCoreError) else error
        if isinstance(cause, EgressRefused):
            return _refused_address(cause)
        match error:
            case EndpointConnectionError() | ConnectTimeoutError():
                words = f"{host} does not take connections."
            case ReadTimeoutError() | ConnectionClosedError():
                words = f"{host} did not answer."
            case SSLError():
                words = f"{host} has no certificate that the farm trusts."
            case _:
                words = f"{host} could not be used: {plain(str(cause), _MAX_WORDS)}"
        return BucketRefused(words, remedy="Check the endpoint and that it can be reached from the farm.")


def _refused_address(error: EgressRefused) -> BucketRefused:
    return BucketRefused(error.message, remedy=error.remedy or "Use a public endpoint.", code=None)


def _client(address: BucketAddress, settings: DeliverySettings) -> S3Client:
    with _CREATING:
        client: S3Client = _session().create_client(
            "s3",
            region_name=address.region,
            endpoint_url=address.endpoint_url,
            aws_access_key_id=address.access_key_id,
            aws_secret_access_key=address.secret_access_key,
            config=Config(  # type: ignore[call-arg]  # the stubs lack the endpoint URLs
                signature_version="s3v4",
                connect_timeout=settings.connect_timeout.total_seconds(),
                read_timeout=settings.read_timeout.total_seconds(),
                retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                proxies={},
                ignore_configured_endpoint_urls=True,
                # Self-hosted servers rarely have a DNS name per bucket.
                s3={"addressing_style": "path" if address.endpoint_url else "auto"},
            ),
        )
    return client


@cache
def _session() -> Any:
    return botocore.session.get_session()


async def _chain(first: bytes, second: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    yield second
    async for piece in rest:
        yield piece
