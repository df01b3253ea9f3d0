"""Bodies of the account routes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from db.accounts import AccountKind
from jobs.access import FarmRole
from jobs.addresses import Email
from serve_app.auth.schemas import PersonName


class AccountView(BaseModel):
    id: UUID
    kind: AccountKind = Field(description="`service`: a program, which owns keys and cannot log in.")
    project_id: UUID | None = Field(description="Of a service account: its project; null: the whole farm, or a person.")
    email: str
    name: str
    farm_role: FarmRole | None
    created_at: datetime
    disabled_at: datetime | None = Field(description="Since when they cannot log in.")


class AccountChange(BaseModel):
    """What is named changes."""

    model_config = ConfigDict(extra="forbid")

    name: PersonName | None = None
    farm_role: FarmRole | None = Field(None, description="null: none.")
    disabled: StrictBool | None = Field(None, description="Out at once, with all sessions.")


class FarmInvitation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email
    role: FarmRole


class InvitationView(BaseModel):
    id: UUID
    email: str
    role: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


class NewInvitation(InvitationView):
    """An invitation with its token, which is not shown again."""

    token: str = Field(description="For POST /v1/auth/accept. Hand it to whom you invite; who has it can take it up.")
