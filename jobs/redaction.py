"""What may be shown of a value, and what may be kept for good: everything but what opens something.

For the lines of the log, and for the audit log, which nobody can edit.

Three nets, since no one of them is enough: the name of a field, the shape of a credential, the query of a link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from uuid import UUID

REDACTED = "[redacted]"

MAX_TEXT = 1000
"""Characters of one string; a frame list of 64 KiB says no more."""
MAX_ITEMS = 100
"""Items of one list or object."""
MAX_DEPTH = 8

HIDDEN_FIELDS = (
    r"passw|passphrase|secret|token|authori[sz]ation|cookie|credential|signature|private|assertion|verifier|api_?key"
)
"""Names of fields whose values are shown nowhere, whatever they are."""

_SECRET_NAMES = re.compile(
    rf"{HIDDEN_FIELDS}|(^|_)(access|signing|hmac)?_?keys?$|(^|_)hash$|(^|_)otp$|(^|_)pin$", re.IGNORECASE
)
"""More of them: a line of the log may name the key of an object, and a hash of a file."""

CREDENTIALS = tuple(
    re.compile(pattern, re.ASCII | flags)
    for pattern, flags in (
        (r"\b(rf_[A-Za-z0-9]{1,32}_)[A-Za-z0-9_-]{16,}", 0),  # keys of the farm: the prefix names them
        (r"()\brf[a-z]?_[A-Za-z0-9_-]{16,}", 0),  # refresh tokens, invitations and login codes of the farm
        (r"()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", 0),  # JSON Web Tokens (RFC 7519)
        (r"()\bwhsec_[A-Za-z0-9+/=_-]{8,}", 0),  # Standard Webhooks, and Stripe's
        (r"()\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}", 0),  # Stripe
        (r"()\bAKIA[0-9A-Z]{16}\b", 0),  # AWS
        (r"()-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", 0),  # PEM (RFC 7468)
        (r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)", re.IGNORECASE),  # passwords in URLs
        (r"((?:X-Amz-(?:Signature|Credential|Security-Token)|signature|sig|token|secret|password)=)[^&\s\"']+",
         re.IGNORECASE),
        (r"(/v1/(?:files|archives|parts)/)[\w.~=%-]{8,}", 0),  # links that are their own permission
        (r"(\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE),
    )
)  # fmt: skip
"""What opens something, by its shape: the one table, for the log and for what is kept. Each keeps its first group."""

_LINK = re.compile(r"\b([a-z][a-z0-9+.-]*://)(?:[^\s/?#@]*@)?([^\s?#]*)(\?[^\s#]*)?(#\S*)?", re.IGNORECASE)


def without_credentials(words: str) -> str:
    """The text, with ``REDACTED`` for what looks like a credential in it."""
    for pattern in CREDENTIALS:
        words = pattern.sub(rf"\1{REDACTED}", words)
    return words


def redacted(value: object) -> object:
    """``value`` as JSON may hold it, without what opens something, and bounded in size."""
    return _redacted(value, 0)


def _redacted(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Enum):
        return _redacted(value.value, depth)
    if isinstance(value, datetime):
        return value.isoformat()
    if depth >= MAX_DEPTH:
        return "[deeper]"
    if isinstance(value, Mapping):
        kept = {
            str(name)[:MAX_TEXT]: _of_field(str(name), item, depth) for name, item in list(value.items())[:MAX_ITEMS]
        }
        return kept if len(value) <= MAX_ITEMS else {**kept, "[more]": len(value) - MAX_ITEMS}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        items = list(value) if isinstance(value, Sequence) else sorted(map(str, value))
        kept_items = [_redacted(item, depth + 1) for item in items[:MAX_ITEMS]]
        return kept_items if len(items) <= MAX_ITEMS else [*kept_items, f"[{len(items) - MAX_ITEMS} more]"]
    if isinstance(value, str | UUID):
        return redacted_text(str(value))
    return REDACTED  # bytes, secrets, and whatever else has no place in a log


def redacted_text(words: str) -> str:
    """A string without credentials, without the query and password of its links, of ``MAX_TEXT`` characters at most.

    Cut first, and then looked through: what is too long to look through is not kept either.
    """
    cut = words if len(words) <= MAX_TEXT else f"{words[:MAX_TEXT]}…"
    cut = _LINK.sub(lambda link: link[1] + link[2] + (f"?{REDACTED}" if link[3] else ""), cut)
    return without_credentials(cut)


def _of_field(name: str, value: object, depth: int) -> object:
    if value is not None and not isinstance(value, bool) and _SECRET_NAMES.search(name):
        return REDACTED
    return _redacted(value, depth + 1)
