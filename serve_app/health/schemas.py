"""What the health routes answer."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Alive(BaseModel):
    """The process answers."""

    status: str = "alive"
    version: str


class Started(BaseModel):
    """The process may be asked whether it is ready."""

    status: str = "started"
    schema_revision: str = Field(description="Of the database; a newer release may have brought a newer one.")


class Check(BaseModel):
    """One thing that the API needs."""

    name: str = Field(examples=["database"])
    ok: bool
    required: bool = Field(description="Without it the API is not ready.")
    ms: float = Field(description="How long the answer took.")
    detail: str | None = None


class Ready(BaseModel):
    """Everything that is required answers."""

    status: str = "ready"
    checks: list[Check]
