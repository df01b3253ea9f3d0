"""What the routes of notices take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from jobs.mail import MailKind

Wishes = Annotated[
    list[MailKind],
    Field(
        fail_fast=True,
        max_length=len(MailKind),
        description=(
            "Of jobs that you submitted: how they end, and that their files end soon. Of projects that you manage: "
            "`budget.threshold`, `credits.spent`. Empty: nothing."
        ),
    ),
]


class NoticesChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Wishes


class NoticesView(BaseModel):
    """What you are written of."""

    email: Wishes
    address: str = Field(description="Where to: the address of your account.")
    available: bool = Field(description="Whether this farm has a mail server.")
    error: str | None = Field(description="Why the last message did not arrive; null: it did, or there was none.")
