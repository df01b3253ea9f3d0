"""What the webhook routes take and answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from jobs.chat import WebhookFormat
from jobs.egress import MAX_URL
from jobs.events import EventKind
from jobs.spec import plain_text

Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_URL),
    Field(description="Where events are posted: https, a public address.", examples=["https://hooks.example.org/farm"]),
]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(plain_text)]


def _without_ping(kinds: list[EventKind]) -> list[EventKind]:
    if EventKind.WEBHOOK_PING in kinds:
        raise ValueError("a ping is told to the webhook that it is asked of, whatever its kinds")
    return kinds


Kinds = Annotated[
    list[EventKind],
    Field(
        fail_fast=True,
        max_length=len(EventKind),
        description="Of events to be told, as `type` in a payload; empty: all.",
    ),
    AfterValidator(_without_ping),
]


_FORMAT = (
    "`standard`: the event as JSON, signed. Else the chat service whose incoming webhook the `url` is: words for "
    "people, of kinds that there are words for; of `job.state` only the end of a job."
)


class NewWebhook(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Url
    format: WebhookFormat = Field(WebhookFormat.STANDARD, description=_FORMAT)
    description: Description = ""
    kinds: Kinds = []
    enabled: StrictBool = True


class WebhookChange(BaseModel):
    """What may be changed; what is named changes."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    description: Description | None = None
    kinds: Kinds | None = None
    enabled: StrictBool | None = Field(None, description="true also takes up one that was disabled for its failures.")


class DisabledReason(StrEnum):
    USER = "user"
    """Somebody disabled it."""
    GONE = "gone"
    """Its receiver answered 410."""
    FAILING = "failing"
    """It took nothing for days."""


class WebhookView(BaseModel):
    """A receiver of the project's events."""

    id: UUID
    url: str = Field(description="Of chat the host alone: the rest is its secret, and not shown again.")
    format: WebhookFormat
    description: str
    kinds: list[str]
    enabled: bool
    disabled_reason: DisabledReason | None = Field(description="`user`, `gone` (410), or `failing` for days.")
    disabled_at: datetime | None
    failing_since: datetime | None = Field(description="First failure since the last post that was taken.")
    previous_secret_until: datetime | None = Field(description="While the secret of before signs beside the new one.")
    created_by: str
    created_at: datetime


class WebhookWithSecret(WebhookView):
    """With its secret, which is not shown again."""

    secret: str | None = Field(description="`whsec_…`: verifies the signatures of what comes. Chat has none: null.")


class AttemptView(BaseModel):
    """One post."""

    attempt: int
    at: datetime
    duration_ms: float
    status: int | None = Field(description="Of the answer; null: there was none.")
    answer: str = Field(description="The first KiB of its body.")
    error: str | None


class DeliveryView(BaseModel):
    """One event for one webhook."""

    id: UUID
    message_id: str = Field(description="`webhook-id` of every post of it.")
    type: str
    state: Literal["queued", "done", "failed"] = Field(description="`failed`: given up.")
    job: UUID | None
    model: UUID | None
    seq: int | None = Field(description="Of the job's events.")
    error: str | None = Field(description="Of the last attempt.")
    next_attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime
    attempts: list[AttemptView]
