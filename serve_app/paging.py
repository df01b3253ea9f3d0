"""Pages by keyset: an opaque cursor names the last item of a page, so that new items shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field

from jobs.errors import InvalidInput

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Some items, and where the next ones begin."""

    items: list[Item]
    next_cursor: str | None = Field(None, description="Pass it as `cursor` for the next page; null: this is the last.")
    total: int | None = Field(None, description="Items of the whole list where that costs nothing; null: not counted.")


class BadCursor(InvalidInput):
    """This cursor was not given by this list."""

    code = "bad-cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """Which page is asked for."""

    limit: int
    cursor: str | None

    def after(self, *kinds: Callable[[str], object]) -> list[str] | None:
        """The parts of the cursor, each readable as its kind; None on the first page."""
        if self.cursor is None:
            return None
        try:
            parts = json.loads(base64.urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4)))
            if not isinstance(parts, list) or len(parts) != len(kinds):
                raise ValueError
            for kind, part in zip(kinds, parts, strict=True):
                kind(str(part))
                if "\x00" in str(part):  # PostgreSQL holds none
                    raise ValueError
                str(part).encode()  # nor half of a surrogate pair: a ValueError
            return [str(part) for part in parts]
        except (binascii.Error, ValueError, TypeError) as error:
            raise BadCursor(
                field="cursor", remedy="Pass next_cursor of the page before, unchanged, or none for the first page."
            ) from error

    def after_moment(self) -> tuple[datetime, UUID] | None:
        """Of a list by time: when the last item of the page before was made, and its id; None on the first page."""
        after = self.after(datetime.fromisoformat, UUID)
        return (datetime.fromisoformat(after[0]), UUID(after[1])) if after else None


def cursor_of(*parts: object) -> str:
    """A cursor that ``PageRequest.after`` reads."""
    raw = json.dumps([str(part) for part in parts], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
