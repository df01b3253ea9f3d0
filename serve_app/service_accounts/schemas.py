"""Bodies of the routes of service accounts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jobs.access import FarmRole, ProjectRole
from jobs.spec import Deadline, Name
from serve_app.keys.schemas import Scopes


class _NewServiceAccount(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="Which program it is.")


class NewProjectService(_NewServiceAccount):
    """Of one project."""

    role: ProjectRole = ProjectRole.ARTIST


class NewFarmService(_NewServiceAccount):
    """Of the whole farm; it acts in any project."""

    role: FarmRole


class NewServiceKey(BaseModel):
    """A key of a service account: it has the account's role, whatever that is when it is used."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="What it is for: a machine, a deployment.")
    scopes: Scopes = []
    expires_at: Deadline | None = Field(None, description="null: never.")


class ServiceAccountView(BaseModel):
    """A program that has keys and cannot log in."""

    id: UUID
    name: str
    email: str = Field(description="By which lists and logs name it; no mail reaches it.")
    role: ProjectRole | FarmRole | None = Field(description="null: it was taken out, and its keys open nothing.")
    created_at: datetime
    disabled_at: datetime | None = Field(description="Since when its keys open nothing.")
