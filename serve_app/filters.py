"""Query parameters that lists share: a part of a name, and when something was made."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import AfterValidator

from db.repositories.filters import Span
from jobs.spec import Deadline, plain_text

Text = Annotated[str, AfterValidator(plain_text)]

NamePart = Annotated[
    Text | None, Query(min_length=1, max_length=200, description="Somewhere in the name, in upper or lower case.")
]


async def _created(
    created_after: Annotated[Deadline | None, Query(description="Made then or later; with a time zone.")] = None,
    created_before: Annotated[Deadline | None, Query(description="Made earlier; with a time zone.")] = None,
) -> Span:
    return Span(after=created_after, before=created_before)


CreatedQuery = Annotated[Span, Depends(_created)]
