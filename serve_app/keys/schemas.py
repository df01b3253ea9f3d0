"""Bodies of the key routes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jobs.access import FarmRole, Permission, ProjectRole
from jobs.spec import Deadline, Name

Scopes = Annotated[
    list[Permission],
    Field(
        fail_fast=True,
        max_length=len(Permission),
        description="Rights to which the key is narrowed; empty: all of its role.",
    ),
]


class _NewKey(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name = Field(description="What it is for.")
    scopes: Scopes = []
    expires_at: Deadline | None = Field(None, description="null: never.")


class NewProjectKey(_NewKey):
    """A key that works in one project."""

    role: ProjectRole = ProjectRole.ARTIST


class NewFarmKey(_NewKey):
    """A key of the whole farm, that acts in any project."""

    role: FarmRole


class KeyView(BaseModel):
    id: UUID
    name: str
    prefix: str = Field(description="Its first letters, by which lists and logs name it; not secret.")
    role: ProjectRole | FarmRole | None = Field(
        description="Of a service account's key what that account is now; null: nothing, and the key opens nothing."
    )
    service_account: UUID | None = Field(description="That it is of; null: it is a key by itself.")
    scopes: list[Permission]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class MadeKey(KeyView):
    """A key with its secret, which is not shown again."""

    key: str
