"""E-mail addresses, as far as their form tells that they are some."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field


def plain_address(value: str) -> str:
    """In lower case. RFC 5321's bounds and one @: whether it is somebody's shows when a message arrives. ``ValueError``
    for what is none."""
    local, at, domain = value.strip().lower().rpartition("@")
    odd = any(letter.isspace() or not letter.isprintable() for letter in local + domain)
    if not at or not local or "." not in domain.strip(".") or odd:
        raise ValueError("is no e-mail address")
    if domain.rpartition(".")[2] == "invalid":  # RFC 6761 section 6.4; service accounts have theirs there
        raise ValueError("is an address that no mail reaches")
    return f"{local}@{domain}"


Email = Annotated[str, Field(min_length=3, max_length=254, examples=["ada@example.org"]), AfterValidator(plain_address)]
