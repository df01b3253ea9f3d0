"""What the failures of an S3 server mean to the farm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpchecksum import FlexibleChecksumError
from urllib3.exceptions import HTTPError

from jobs.errors import Unavailable
from storage.base import ObjectNotFound, StorageFull

_MISSING = {"404", "NoSuchKey", "NotFound"}
_NO_ROOM = {"507", "InsufficientStorage", "QuotaExceeded", "QuotaExceededException", "XMinioStorageFull"}
_REFUSED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}

BROKEN_BODY = (BotoCoreError, HTTPError, OSError, FlexibleChecksumError)
"""A download that broke in the middle: worth going on from where it stopped."""


def error_code(error: ClientError) -> str:
    """S3's own name for the failure; HEAD answers have only a status number."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def s3_errors(bucket: str, key: str) -> Iterator[None]:
    """Turn boto3's failures into those of the storage contract."""
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in _MISSING:
            raise ObjectNotFound(f"Storage holds no {key}.", key=key) from error
        if code in _NO_ROOM:
            raise StorageFull(
                f"The S3 bucket {bucket} takes no more data ({code}).", remedy="Free space or raise its quota."
            ) from error
        if code == "NoSuchBucket":
            raise Unavailable(
                f"The S3 bucket {bucket} does not exist.", remedy="Create it, or correct RAYFARM_STORAGE_URL."
            ) from error
        if code in _REFUSED:
            raise Unavailable(
                f"S3 refused access to bucket {bucket} ({code}).",
                remedy="Check the credentials, their policy, the region and this machine's clock.",
            ) from error
        raise Unavailable(f"S3 failed on {bucket}/{key} ({code}): {error}", remedy="Try again soon.") from error
    except (BotoCoreError, HTTPError) as error:
        raise Unavailable(
            f"S3 bucket {bucket} does not answer: {error}",
            remedy="Check RAYFARM_STORAGE_ENDPOINT_URL and the network.",
        ) from error
