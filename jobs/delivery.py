"""Delivery of a job's files into the customer's own bucket: its settings, and where in the bucket a file goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import ByteSize, Field, field_validator
from pydantic_settings import SettingsConfigDict

from jobs.naming import NamedFile, NamingTemplate, plain_path
from jobs.settings import FarmSettings

Wait = Annotated[timedelta, Field(gt=timedelta(0))]

MIB = 1024 * 1024

MAX_PREFIX_BYTES = 160
"""S3 takes keys of 1,024 bytes; a file's own name, with the folder of its job, takes up to 840."""

TEST_KEY = ".rayfarm-test"
"""Of the small object that a test of a destination writes below its prefix."""

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_PREFIX_PART = re.compile(r"[A-Za-z0-9!_.*'() -]+", re.ASCII)


class DeliverySettings(FarmSettings):
    """Read from ``RAYFARM_DELIVERY_*`` by the API, which takes destinations, and by the loops, which copy."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_DELIVERY_", frozen=True)

    max_per_project: Annotated[int, Field(ge=1)] = 20
    """Destinations of one project."""

    every: Wait = timedelta(seconds=1)
    """Pause between two looks at what waits to be delivered."""

    at_once: Annotated[int, Field(ge=1, le=256)] = 8
    """Files that are copied at a time. Each holds up to ``part_bytes`` times one more than ``parts_in_flight`` of
    memory."""

    at_once_per_project: Annotated[int, Field(ge=1)] = 4
    """Of them, of one project: a bucket that is slow holds no more than these, and nobody else's."""

    part_bytes: ByteSize = ByteSize(8 * MIB)
    """Larger files are sent in parts of this size, smaller ones in one request. S3 takes parts of 5 MiB and more, and
    10,000 of them."""

    parts_in_flight: Annotated[int, Field(ge=1, le=16)] = 2
    """Parts of one file that are sent at a time."""

    connect_timeout: Wait = timedelta(seconds=5)
    """A server that has not taken the connection by then is away."""

    read_timeout: Wait = timedelta(seconds=60)
    """Longest silence of a server within a request."""

    timeout: Wait = timedelta(minutes=2)
    """Longest time for one file, besides what its size takes at ``slowest_bytes``."""

    slowest_bytes: ByteSize = ByteSize(1 * MIB)
    """For each second: a copy that goes more slowly is given up and begun again later."""

    test_timeout: Wait = timedelta(seconds=20)
    """Longest time for a test of a destination, while which somebody waits."""

    tests_at_once: Annotated[int, Field(ge=1)] = 8
    """Tests of destinations that one API process makes at a time."""

    tests_at_once_per_project: Annotated[int, Field(ge=1)] = 2
    """Of them, of one project."""

    first_pause: Wait = timedelta(seconds=5)
    """Before a file that was not taken is sent again, and before a destination that failed is tried again; doubles each
    time."""

    longest_pause: Wait = timedelta(minutes=10)
    """Longest of these pauses: how late it is noticed that a bucket takes files again."""

    give_up_after: Wait = timedelta(days=1)
    """A file that was not taken for so long is ``failed``, with the reason, until somebody asks for it again."""

    @field_validator("part_bytes")
    @classmethod
    def _s3_takes_it(cls, value: ByteSize) -> ByteSize:
        if not 5 * MIB <= value <= 1024 * MIB:
            raise ValueError("S3 takes parts of 5 MiB and more; set 5MiB to 1GiB")
        return value

    def longest_for(self, size_bytes: int) -> timedelta:
        """Longest time for a file of this size."""
        return self.timeout + timedelta(seconds=size_bytes / self.slowest_bytes)

    def lease_for(self, size_bytes: int) -> timedelta:
        """How long a file is left to its copier: beyond its longest time, so that no other copies it beside him."""
        return self.longest_for(size_bytes) + 2 * self.read_timeout + self.connect_timeout


def good_bucket(name: str) -> str:
    """The name of a bucket after S3's rules for new ones. ``ValueError`` for another, ARNs of access points too."""
    if not _BUCKET.fullmatch(name) or ".." in name or re.fullmatch(r"[\d.]+", name):
        raise ValueError("a bucket's name has 3 to 63 small letters, digits, hyphens and dots")
    return name


def good_region(name: str) -> str:
    """It becomes part of a host's name. ``ValueError`` for what cannot be one."""
    if not _REGION.fullmatch(name):
        raise ValueError("a region is written like eu-central-1; other servers than AWS take us-east-1 mostly")
    return name


def good_prefix(text: str) -> str:
    """A prefix of keys, empty or ending in a slash. ``ValueError`` for parts that lead elsewhere on a disk, or that
    S3's guide counts as unsafe."""
    parts = text.strip("/").split("/")
    if parts == [""]:
        return ""
    if any(part.strip(" .") == "" or not _PREFIX_PART.fullmatch(part) for part in parts):
        raise ValueError(
            "a prefix has parts of letters, digits and !-_.*'() between slashes, none of them of dots alone"
        )
    if len(text.encode()) > MAX_PREFIX_BYTES:
        raise ValueError(f"a prefix has at most {MAX_PREFIX_BYTES} characters")
    return "/".join(parts) + "/"


def delivered_path(file: NamedFile, *, job_id: UUID, template: NamingTemplate | None, values: Mapping[str, str]) -> str:
    """Where a file goes below the destination's prefix: by the job's template, or else in a folder of the job's id, so
    that jobs without a template never meet."""
    return f"{job_id}/{plain_path(file)}" if template is None else template.path(file, values)


def with_mark(path: str, mark: str) -> str:
    """The path of a file whose own is taken by another of its job."""
    stem, dot, extension = path.rpartition(".")
    if not dot or "/" in extension:
        return f"{path}~{mark}"
    return f"{stem}~{mark}.{extension}"
