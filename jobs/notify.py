"""Who is told how one job ended, beside those who asked to be told of every job."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field

from jobs.addresses import plain_address

ME = "me"
"""Stands for the address of whoever submits the job."""

MAX_NOTIFIED = 20
"""Addresses of one job: a team; a longer list is one that the mail server keeps, or a webhook."""


def _recipient(value: str) -> str:
    return ME if value.strip().lower() == ME else plain_address(value)


def _without_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Recipient = Annotated[str, Field(min_length=2, max_length=254), AfterValidator(_recipient)]


class Notify(BaseModel):
    """Whom to tell once, when the job is done, has failed or was canceled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: Annotated[tuple[Recipient, ...], FailFast(), AfterValidator(_without_repeats)] = Field(
        (),
        max_length=MAX_NOTIFIED,
        description="Addresses of members of the project, and `me`: whoever submits it, which a key is not.",
        examples=[["me", "ada@example.org"]],
    )
    webhook: UUID | None = Field(
        None, description="A webhook of the project, which is told of this job's end whatever its kinds are."
    )
