"""What the audit routes answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from db.audit import ActorKind
from db.audit.verify import BreachKind


class AuditEntryView(BaseModel):
    """Who did what, from where, to which resource, and what it was before and after."""

    id: int
    at: datetime = Field(description="By the database's clock.")
    actor_kind: ActorKind
    actor_id: UUID | None = Field(description="Of the account or key; null for strangers and the farm itself.")
    actor_name: str | None = Field(examples=["ada@example.org"])
    actor_role: str | None = Field(description="What they were where they did it.")
    address: str | None = Field(description="Of the client; behind proxies as far as those are trusted.")
    user_agent: str | None
    request_id: str | None = Field(description="As in `X-Request-Id` of the answer and in the logs.")
    action: str = Field(examples=["key.create"])
    resource_type: str = Field(examples=["key"])
    resource_id: str | None
    project_id: UUID | None = Field(description="Where it was done; null: on the whole farm.")
    before: dict[str, Any] | None = Field(description="What changed, as it was. Secrets are not kept.")
    after: dict[str, Any] | None = Field(description="What changed, as it is.")
    seq: int | None = Field(description="Place in the chain; null: not sealed yet, which takes seconds.")
    sha256: str | None = Field(description="Over this entry and the hash before it.")


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


class BreachView(BaseModel):
    """The first place that does not fit."""

    kind: BreachKind
    seq: int | None = Field(description="Place in the chain.")
    entry: int | None = Field(description="Id of the entry.")
    words: str = Field(description="What it means.")


class VerificationView(BaseModel):
    """Whether the log is what was written."""

    ok: bool = Field(description="Nothing looked at is other than it was sealed.")
    complete: bool = Field(description="It reached the end; if not, go on with `after_seq` = `verified_seq`.")
    verified_seq: int = Field(description="Up to this place all fits.")
    breach: BreachView | None = Field(description="Where it does not.")
    sealed_seq: int = Field(description="Up to this place entries are sealed.")
    sealed_sha256: str = Field(description="Keep it with `sealed_seq` somewhere else: an anchor for later.")
    sealed_at: datetime | None
    pending: int = Field(description="Entries that wait for their seal; normally gone within seconds.")
    pruned_seq: int = Field(description="Entries up to this place are past their retention, and gone.")
    pruned_sha256: str
    pruned_at: datetime | None
