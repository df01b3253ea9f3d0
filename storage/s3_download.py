"""One S3 object to one file: resumed where the connection broke, checked, and visible only when whole."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from storage import files
from storage.base import BlobDamaged
from storage.s3_errors import BROKEN_BODY

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Download:
    """Blocking; ``stop`` ends it early and leaves no file."""

    def __init__(
        self, *, client: S3Client, bucket: str, key: str, chunk_bytes: int, attempts: int, stop: threading.Event
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._chunk_bytes = chunk_bytes
        self._attempts = attempts
        self._stop = stop
        self._hash = hashlib.sha256()
        self._received_bytes = 0
        self._etag = ""
        self._stored_sha256 = ""

    def save(self, destination: Path, digest: str | None) -> None:
        """Write the object to ``destination``; a blob (``digest`` given) becomes read-only."""
        with files.disk_errors(destination.parent):
            destination.parent.mkdir(parents=True, exist_ok=True)
            file, temporary = files.create_temporary(destination.parent, mode=0o644 if digest is None else 0o444)
        try:
            with file:
                self._receive_all(file, destination.parent)
            if self._stop.is_set():
                temporary.unlink()
                return
            self._check(digest)
            with files.disk_errors(destination.parent):
                temporary.replace(destination)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _receive_all(self, file: BinaryIO, folder: Path) -> None:
        for attempt in range(1, self._attempts + 1):
            try:
                return self._receive(file, folder)
            except BROKEN_BODY:
                if attempt == self._attempts or self._stop.is_set():
                    raise

    def _receive(self, file: BinaryIO, folder: Path) -> None:
        resume: dict[str, Any] = {}
        if self._received_bytes:
            resume = {"Range": f"bytes={self._received_bytes}-", "IfMatch": self._etag}
        answer = self._client.get_object(Bucket=self._bucket, Key=self._key, **resume)
        self._etag = answer["ETag"]
        self._stored_sha256 = answer.get("Metadata", {}).get("sha256", "")
        body = answer["Body"]
        try:
            while not self._stop.is_set():
                chunk = body.read(self._chunk_bytes)
                if not chunk:
                    return
                with files.disk_errors(folder):
                    files.write_all(file, chunk)
                self._hash.update(chunk)
                self._received_bytes += len(chunk)
        finally:
            body.close()

    def _check(self, digest: str | None) -> None:
        expected = digest or self._stored_sha256
        actual = self._hash.hexdigest()
        if expected and actual != expected:
            raise BlobDamaged(
                f"The bytes of {self._key} in bucket {self._bucket} have the SHA-256 {actual}, not {expected}.",
                remedy="Delete that object, then upload the file again.",
                digest=expected,
                actual=actual,
            )
