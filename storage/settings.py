"""Where storage is and what it allows: typed settings from RAYFARM_STORAGE_* variables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import ByteSize, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings
from storage.signing import MIN_KEY_BYTES

MAX_S3_PARTS = 10_000
"""S3's own limit on the parts of one upload."""

MIB = 1024 * 1024
_PLACEHOLDERS = ("changeme", "change-me", "placeholder", "example", "secret-key-here")


class StorageSettings(FarmSettings):
    """Storage settings; sizes take units (``16MiB``), durations take ISO 8601 (``PT30S``)."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_STORAGE_", frozen=True)

    url: str = "file:///var/lib/rayfarm/storage"
    """``file:///absolute/folder`` for one machine, ``s3://bucket/prefix`` for a cluster."""

    signing_key: SecretStr | None = None
    """Signs download links of local storage; 32 bytes or more. Every API replica needs the same one."""

    previous_signing_keys: tuple[SecretStr, ...] = ()
    """Still accepted, no longer used for signing: a JSON list, kept for as long as the longest link lives."""

    max_url_lifetime: timedelta = timedelta(days=7)
    """Longest life of a download link; S3 (SigV4) allows no more than seven days."""

    max_blob_bytes: ByteSize = ByteSize(32 * 1024 * MIB)
    """Largest single upload: scenes with baked caches reach tens of GB; above it an upload is likelier a mistake."""

    min_free_bytes: ByteSize = ByteSize(256 * MIB)
    """Local disk: uploads stop here, so that a full store never takes the database on the same disk down with it."""

    abandoned_upload_age: timedelta = timedelta(hours=24)
    """A part-upload that nobody wrote to for so long belongs to a dead process and is swept."""

    upload_lifetime: timedelta = timedelta(days=7)
    """How long an upload in parts may take, a week's end without the line included; then its parts are removed."""

    stream_chunk_bytes: ByteSize = ByteSize(1 * MIB)
    """One read or write: large enough that the hop to a thread (~0.1 ms) is noise, small enough to cancel at once."""

    threads: int = Field(default=16, ge=2, le=256)
    """Storage calls at a time in one process, and S3 connections; more wait in line."""

    endpoint_url: str | None = None
    """S3: address of a compatible server (SeaweedFS, MinIO, Ceph, R2); empty means AWS."""

    public_endpoint_url: str | None = None
    """S3: address that download links carry, where clients reach the server by another name than the farm."""

    region: str = "us-east-1"
    """S3: region of the bucket."""

    access_key_id: SecretStr | None = None
    """S3: empty means AWS's own chain (environment, profile, instance or pod role)."""

    secret_access_key: SecretStr | None = None
    """S3: goes with access_key_id."""

    part_bytes: ByteSize = ByteSize(16 * MIB)
    """Size of one part of a large upload, also of one that clients send in parts; S3: the largest object that is sent
    in one request."""

    parts_in_flight: int = Field(default=3, ge=1, le=32)
    """S3: parts of one upload under way at a time; memory per upload is one more than this times part_bytes."""

    connect_timeout: timedelta = timedelta(seconds=5)
    """S3: a server on the network answers within one second, or it is down."""

    read_timeout: timedelta = timedelta(seconds=60)
    """S3: silence after which a request is retried; covers the server's own work on a part."""

    max_attempts: int = Field(default=4, ge=1, le=20)
    """S3: tries per request in all, with back-off, before the call fails."""

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        _ = (self.bucket, self.prefix) if self.is_s3 else self.root  # each raises where the URL does not hold it
        if self.part_bytes < 5 * MIB:
            raise ValueError("part_bytes: S3 takes no parts below 5 MiB; set 5MiB or more.")
        if self.max_blob_bytes > self.part_bytes * MAX_S3_PARTS:
            raise ValueError(f"max_blob_bytes: S3 takes {MAX_S3_PARTS} parts; raise part_bytes or lower it.")
        if not timedelta(0) < self.max_url_lifetime <= timedelta(days=7):
            raise ValueError("max_url_lifetime: links live for more than no time and at most seven days.")
        if self.upload_lifetime <= timedelta(0):
            raise ValueError("upload_lifetime: an upload needs some time.")
        if self.stream_chunk_bytes < 4096:
            raise ValueError("stream_chunk_bytes: set 4KiB or more.")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key: set both or neither.")
        for key in self.signing_keys:
            _require_strong(key)
        return self

    @property
    def is_s3(self) -> bool:
        """Whether objects live in S3 rather than on a local disk."""
        return self.url.startswith("s3://")

    @property
    def root(self) -> Path:
        """Folder of local storage."""
        parts = urlsplit(self.url)
        path = unquote(parts.path)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost") or len(path) < 2 or "\0" in path:
            raise ValueError(f"url: {self.url!r} is neither file:///absolute/folder nor s3://bucket/prefix.")
        return Path(path)

    @property
    def bucket(self) -> str:
        """Bucket of S3 storage."""
        bucket = urlsplit(self.url).netloc
        if len(bucket) < 3 or "@" in bucket:
            raise ValueError(f"url: {self.url!r} names no bucket (three characters or more); use s3://bucket/prefix.")
        return bucket

    @property
    def prefix(self) -> str:
        """What precedes every key in the bucket: empty, or ending in a slash."""
        prefix = urlsplit(self.url).path.strip("/")
        if any(segment in ("", ".", "..") for segment in prefix.split("/")) and prefix:
            raise ValueError(f"url: the prefix in {self.url!r} has an empty or dotted segment.")
        return f"{prefix}/" if prefix else ""

    @property
    def signing_keys(self) -> tuple[SecretStr, ...]:
        """All keys that links are accepted from, the signing one first; empty where there is none."""
        return (self.signing_key, *self.previous_signing_keys) if self.signing_key else ()


def _require_strong(key: SecretStr) -> None:
    secret = key.get_secret_value()
    if len(secret.encode()) < MIN_KEY_BYTES or any(word in secret.lower() for word in _PLACEHOLDERS):
        raise ValueError(
            f"signing_key: needs {MIN_KEY_BYTES} bytes or more and no placeholder; make one with: openssl rand -hex 32"
        )
