"""What the routes of destinations take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StrictBool, StringConstraints

from jobs.delivery import MAX_PREFIX_BYTES, good_bucket, good_prefix, good_region
from jobs.egress import MAX_URL
from jobs.spec import plain_text

DestinationName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=63),
    AfterValidator(plain_text),
    Field(description="Unique in the project.", examples=["studio"]),
]
Bucket = Annotated[
    str,
    StringConstraints(max_length=63),
    AfterValidator(good_bucket),
    Field(description="Its name alone; no ARN.", examples=["studio-renders"]),
]
Prefix = Annotated[
    str,
    StringConstraints(max_length=MAX_PREFIX_BYTES),
    AfterValidator(good_prefix),
    Field(description="What precedes every key; a slash is added at its end.", examples=["rayfarm/"]),
]
Region = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(good_region),
    Field(description="Of the bucket; other servers than AWS take `us-east-1` mostly.", examples=["eu-central-1"]),
]
EndpointUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_URL),
    Field(
        description="Of another server than AWS: https, a public address, no path.",
        examples=["https://s3.example.org"],
    ),
]
AccessKeyId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{3,128}$"), Field(examples=["AKIDEXAMPLE"])]
SecretAccessKey = Annotated[
    SecretStr,
    Field(
        min_length=8,
        max_length=256,
        description="Kept sealed, and never shown again.",
        json_schema_extra={"writeOnly": True},
    ),
]


class DestinationKey(BaseModel):
    """A key for the bucket. It needs `s3:PutObject` and `s3:AbortMultipartUpload` below the prefix, and no more."""

    model_config = ConfigDict(extra="forbid")

    access_key_id: AccessKeyId
    secret_access_key: SecretAccessKey


class NewDestination(DestinationKey):
    name: DestinationName
    bucket: Bucket
    prefix: Prefix = ""
    region: Region = "us-east-1"
    endpoint_url: EndpointUrl | None = Field(None, description="Absent: AWS.")
    is_default: StrictBool = Field(
        False, description="Jobs that name no destination have this one; another is none then."
    )


class DestinationChange(BaseModel):
    """What may be changed; what is named changes. The key has a route of its own."""

    model_config = ConfigDict(extra="forbid")

    name: DestinationName | None = None
    bucket: Bucket | None = None
    prefix: Prefix | None = None
    region: Region | None = None
    endpoint_url: EndpointUrl | None = Field(None, description="null: AWS.")
    is_default: StrictBool | None = None


class DestinationView(BaseModel):
    """A bucket of the project. The secret key is not shown."""

    id: UUID
    name: str
    bucket: str
    prefix: str
    region: str
    endpoint_url: str | None = Field(description="null: AWS.")
    access_key_id: str
    is_default: bool
    failing_since: datetime | None = Field(description="First failure since the last file that it took.")
    error: str | None = Field(description="Why it took no file last.")
    next_attempt_at: datetime | None = Field(description="It is left alone until then.")
    created_by: str
    created_at: datetime
    updated_at: datetime


class DestinationTest(BaseModel):
    """A small object could be written."""

    key: str = Field(description="Of the object.")
    deleted: bool = Field(
        description="Whether it could be deleted again; the key needs no right to that, and the object stays then."
    )
