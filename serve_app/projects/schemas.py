"""What the project routes take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from db.accounts import AccountKind
from jobs.access import ProjectRole
from jobs.addresses import Email
from jobs.spec import Name

Weight = Annotated[
    StrictInt, Field(ge=1, le=10_000, description="Share of the farm beside other projects; 200 gets twice of 100.")
]


class NewProject(BaseModel):
    model_config = ConfigDict(extra="forbid")

    slug: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,62}$", description="Its name in `X-Rayfarm-Project`.")]
    name: Name
    weight: Weight = 100


class ProjectChange(BaseModel):
    """What may be changed of a project; what is named changes."""

    model_config = ConfigDict(extra="forbid")

    weight: Weight | None = None
    name: Name | None = None


class ProjectView(BaseModel):
    """A tenant of the farm."""

    id: UUID
    slug: str = Field(description="Its name in `X-Rayfarm-Project`.")
    name: str
    weight: int = Field(description="Share of the farm beside other projects.")
    created_at: datetime


class MemberView(BaseModel):
    """Somebody in a project."""

    account: UUID
    kind: AccountKind
    email: str
    name: str
    role: ProjectRole


class MemberChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: ProjectRole


class ProjectInvitation(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email
    role: ProjectRole = ProjectRole.ARTIST
