"""Reads the queue's statements: one named ``.sql`` file per statement in ``db/queries``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import CursorResult, TextClause, text

from db.session import Transaction

_FOLDER = Path(__file__).parent / "queries"


_OPTIONAL = re.compile(r"^( *)--(\w+) (.*)\n", re.MULTILINE)
"""A line that holds only in a variant: ``--some and id = any(:ids)`` in ``read_jobs`` is part of ``read_jobs.some``."""


@cache
def statement(name: str) -> TextClause:
    """The statement in ``db/queries/<name>.sql``, or a variant of it (``read_jobs.some``); parsed once per process.

    Raises ``LookupError`` for a variant that the file has no line of: without them it would say something else.
    """
    name, _, variant = name.partition(".")
    words = (_FOLDER / f"{name}.sql").read_text()
    if variant and variant not in {line[2] for line in _OPTIONAL.finditer(words)}:
        raise LookupError(f"db/queries/{name}.sql has no line of the variant {variant!r}.")
    return text(_OPTIONAL.sub(lambda line: f"{line[1]}{line[3]}\n" if line[2] == variant else "", words))


async def run(tx: Transaction, name: str, /, **parameters: object) -> CursorResult[Any]:
    """Execute a named statement."""
    # psycopg would write the *name* of an enum's member
    plain = {key: str(value) if isinstance(value, StrEnum) else value for key, value in parameters.items()}
    return await tx.execute(statement(name), plain)


def as_json(value: object) -> str:
    """A value for ``cast(:name as jsonb)``; UUIDs and dates become text, NaN is refused."""
    text_ = _dump(value)
    if "\\u0000" in text_ or "\\ud" in text_:  # rare, and looking at every string first would cost each commit
        return _dump(_storable(value))
    return text_


def storable(words: str) -> str:
    """PostgreSQL holds neither NUL nor half a surrogate pair; what a crashed process printed may contain both."""
    return words.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _dump(value: object) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _storable(value: object) -> object:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value
