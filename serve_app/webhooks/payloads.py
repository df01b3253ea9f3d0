"""The body of each kind of event, for the ``webhooks`` of the OpenAPI document (OpenAPI 3.1).

Receivers pass over fields that they do not know: kinds and fields may be added, and none is renamed or taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from jobs.events import EventKind


class _Data(BaseModel):
    model_config = ConfigDict(extra="allow")

    project: UUID


class _OfJob(_Data):
    job: UUID
    seq: int = Field(description="Number of the event in its job, from 1, without a gap over all kinds.")


class _Counts(_OfJob):
    counts: dict[str, int] = Field(
        description="Frames of the job: total, committed, reused, failed, canceled, skipped."
    )


class EventFrame(BaseModel):
    model_config = ConfigDict(extra="allow")

    ordinal: int = Field(description="Its place in the job's list, from 0.")
    frame: int = Field(description="Its number.")


class _Frames(_OfJob):
    frames: list[EventFrame] = Field(description="The first 100 of them.")
    frames_omitted: int | None = Field(None, description="How many were left out of the list, where some were.")


class JobCreated(_OfJob):
    name: str | None
    model: UUID
    pipeline: str | None
    total: int = Field(description="Frames.")


class JobStateChanged(_Counts):
    state: str = Field(description="queued, running, finishing, succeeded, failed, canceled, paused, …")
    previous: str = Field(alias="from")
    end_reason: str | None = None
    message: str | None = None


class JobChanged(_OfJob):
    changes: dict[str, Any] = Field(description="By field: from, to.")


class FramesChosen(_Frames):
    count: int
    counts: dict[str, int]
    generation: int


class FramesCommitted(_Frames):
    counts: dict[str, int]


class FramesReused(_Frames):
    count: int
    counts: dict[str, int]


class FramesFailed(_Frames):
    counts: dict[str, int]
    count: int | None = None


class _OfSlices(_OfJob):
    part: int | None = Field(None, description="Of a frame that is split over replicas: which part.")
    parts: int | None = Field(None, description="Of how many.")


class FrameRetried(_OfSlices):
    ordinal: int
    frame: int
    reason: str
    message: str | None
    tries: int


class ChunkStarted(_OfJob):
    ordinals: list[int]
    replica: UUID | None
    warm: bool | None


class ChunkRequeued(_OfSlices):
    ordinals: list[int]
    reason: str
    replica: UUID | None


class FramesSuspect(_Frames):
    suspects: int = Field(description="Suspect frames of the job.")


class NodeBlocked(_OfJob):
    node: str
    pipeline: str
    failures: int
    reason: str


class NodeUnblocked(_OfJob):
    node: str


class OutputReady(_OfJob):
    kind: str = Field(description="preview, video, contact_sheet, …")
    artifacts: list[dict[str, Any]] = Field(description="Of each: id, kind, name, ordinal.")


class OutputFailed(_OfJob):
    kind: str
    message: str | None


class JobDelivered(_OfJob):
    destination: UUID
    delivered: int = Field(description="Files that are in the bucket.")
    failed: int = Field(description="Files that were given up.")
    size_bytes: int = Field(description="Of those that are there.")


class DeliveryFailed(JobDelivered):
    message: str | None = Field(description="Of the first file that was given up.")


class ModelStateChanged(_Data):
    model: UUID
    state: str
    problem: dict[str, Any] | None = None


class JobExpiring(_OfJob):
    expires_at: AwareDatetime


class JobExpired(JobExpiring):
    files: int
    size_bytes: int


class BudgetOfPeriod(BaseModel):
    model_config = ConfigDict(extra="allow")

    budget: str | None = Field(description="Decimal, in the currency of the price list; null: none.")
    period: str = Field(description="month, or total.")


class BudgetChanged(_Data):
    before: BudgetOfPeriod = Field(alias="from")
    after: BudgetOfPeriod = Field(alias="to")
    by: str


class BudgetThreshold(_Data):
    percent: int = Field(description="At 100 nothing more of the project starts.")
    spent: str
    budget: str
    period: str
    period_start: date | None
    currency: str | None


class PrepaidChanged(_Data):
    prepaid: bool
    balance: str
    by: str


class CreditsAdded(_Data):
    amount: str = Field(description="Negative: a correction.")
    reference: str
    by: str


class CreditsSpent(_Data):
    balance: str


class DocumentIssued(_Data):
    number: str
    month: date = Field(description="Its first day.")
    total: str = Field(description="Of a credit note negative.")
    currency: str


class QuotasChanged(_Data):
    changes: dict[str, dict[str, int | None]] = Field(description="Of each quota that changed: from, and to.")
    by: str


class WebhookDisabled(_Data):
    webhook: UUID
    description: str
    reason: str = Field(description="gone, or failing.")
    message: str


class Ping(_Data):
    webhook: UUID


DATA: Mapping[EventKind, type[BaseModel]] = {
    EventKind.JOB_CREATED: JobCreated,
    EventKind.JOB_STATE: JobStateChanged,
    EventKind.JOB_CHANGED: JobChanged,
    EventKind.FRAMES_SKIPPED: FramesChosen,
    EventKind.FRAMES_REQUEUED: FramesChosen,
    EventKind.FRAMES_COMMITTED: FramesCommitted,
    EventKind.FRAMES_REUSED: FramesReused,
    EventKind.FRAMES_FAILED: FramesFailed,
    EventKind.FRAME_RETRIED: FrameRetried,
    EventKind.CHUNK_STARTED: ChunkStarted,
    EventKind.CHUNK_REQUEUED: ChunkRequeued,
    EventKind.FRAMES_SUSPECT: FramesSuspect,
    EventKind.NODE_BLOCKED: NodeBlocked,
    EventKind.NODE_UNBLOCKED: NodeUnblocked,
    EventKind.OUTPUT_READY: OutputReady,
    EventKind.OUTPUT_FAILED: OutputFailed,
    EventKind.JOB_DELIVERED: JobDelivered,
    EventKind.DELIVERY_FAILED: DeliveryFailed,
    EventKind.JOB_EXPIRING: JobExpiring,
    EventKind.JOB_EXPIRED: JobExpired,
    EventKind.MODEL_STATE: ModelStateChanged,
    EventKind.BUDGET_CHANGED: BudgetChanged,
    EventKind.BUDGET_THRESHOLD: BudgetThreshold,
    EventKind.PREPAID_CHANGED: PrepaidChanged,
    EventKind.CREDITS_ADDED: CreditsAdded,
    EventKind.CREDITS_SPENT: CreditsSpent,
    EventKind.INVOICE_ISSUED: DocumentIssued,
    EventKind.CREDIT_NOTE_ISSUED: DocumentIssued,
    EventKind.QUOTAS_CHANGED: QuotasChanged,
    EventKind.WEBHOOK_DISABLED: WebhookDisabled,
    EventKind.WEBHOOK_PING: Ping,
}
"""Of each kind."""

WORDS: Mapping[EventKind, str] = {
    EventKind.JOB_CREATED: "A job was submitted.",
    EventKind.JOB_STATE: "A job is in another state; succeeded, failed and canceled end it.",
    EventKind.JOB_CHANGED: "Priority, weight, replicas or deadlines of a job were changed.",
    EventKind.FRAMES_SKIPPED: "Frames were taken out by a person.",
    EventKind.FRAMES_REQUEUED: "Frames are rendered again.",
    EventKind.FRAMES_COMMITTED: "Frames are done and can be fetched.",
    EventKind.FRAMES_REUSED: "Frames were taken over from an equal one that is done.",
    EventKind.FRAMES_FAILED: "Frames failed for good.",
    EventKind.FRAME_RETRIED: "A frame failed and is tried again.",
    EventKind.CHUNK_STARTED: "A replica renders some frames.",
    EventKind.CHUNK_REQUEUED: "Frames go back to the queue.",
    EventKind.FRAMES_SUSPECT: "Frames look odd beside their neighbours.",
    EventKind.NODE_BLOCKED: "A machine gets no more work of a job.",
    EventKind.NODE_UNBLOCKED: "It gets work again.",
    EventKind.OUTPUT_READY: "A preview, film or other output can be fetched.",
    EventKind.OUTPUT_FAILED: "An output could not be made.",
    EventKind.JOB_DELIVERED: "A job has ended and all its files are in the customer's bucket.",
    EventKind.DELIVERY_FAILED: "A job has ended and files of it could not be delivered.",
    EventKind.JOB_EXPIRING: "The files of a job end soon.",
    EventKind.JOB_EXPIRED: "The files of a job have ended.",
    EventKind.MODEL_STATE: "A model was looked at: it is ready or invalid.",
    EventKind.BUDGET_CHANGED: "The project has another budget.",
    EventKind.BUDGET_THRESHOLD: "A part of the budget is spent: 50, 80 or 100 percent.",
    EventKind.PREPAID_CHANGED: "The project pays in advance from now on, or no longer.",
    EventKind.CREDITS_ADDED: "A payment, or a correction of one, was booked.",
    EventKind.CREDITS_SPENT: "What was paid in advance is used up: nothing more of the project starts.",
    EventKind.INVOICE_ISSUED: "An invoice was issued.",
    EventKind.CREDIT_NOTE_ISSUED: "A credit note was issued.",
    EventKind.QUOTAS_CHANGED: "The project may have more or less of something.",
    EventKind.WEBHOOK_DISABLED: "A webhook of the project was disabled; told to the others.",
    EventKind.WEBHOOK_PING: "Somebody tries whether the webhook works.",
}
"""What each says."""

_HEADERS = {
    "webhook-id": "The same in every post of this message.",
    "webhook-timestamp": "When it was posted, seconds since 1970.",
    "webhook-signature": "`v1,` and a signature, one for each secret that is good now, divided by blanks.",
}


def describe_webhooks(document: dict[str, Any]) -> None:
    """Put the webhooks and the schemas of their bodies into an OpenAPI document."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    document["webhooks"] = {}
    for kind, data in DATA.items():
        name = "".join(part.capitalize() for part in kind.replace(".", "_").split("_")) + "Event"
        envelope = create_model(
            name, type=(str, ...), timestamp=(AwareDatetime, ...), data=(data, ...), __doc__=WORDS[kind]
        )
        schema = envelope.model_json_schema(ref_template="#/components/schemas/{model}", by_alias=True)
        schema["properties"]["type"] = {"const": str(kind)}
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
        document["webhooks"][str(kind)] = {
            "post": {
                "operationId": f"on_{kind.replace('.', '_')}",
                "summary": WORDS[kind],
                "tags": ["webhooks"],
                "parameters": [
                    {
                        "name": header,
                        "in": "header",
                        "required": True,
                        "description": words,
                        "schema": {"type": "string"},
                    }
                    for header, words in _HEADERS.items()
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
                },
                "responses": {
                    "2XX": {"description": "Taken."},
                    "410": {"description": "No more of these, ever: the webhook is disabled."},
                },
            }
        }
