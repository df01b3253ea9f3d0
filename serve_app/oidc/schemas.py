"""What the routes of single sign-on take."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from serve_app.auth.schemas import SessionPlace
from serve_app.oidc.settings import is_loopback


def _is_ours(value: str) -> str:
    """A path of the farm, or a program that waits on the person's own machine (RFC 8252 section 7.3).

    What a browser makes of it counts: it reads a backslash as a slash, drops line breaks, and `//host` is a host.
    """
    if any(letter <= " " or letter in "\\\x7f#" for letter in value) or not value.isascii():
        raise ValueError("holds a letter that an address does not")
    if value.startswith("/") and not value.startswith("//"):
        return value
    try:
        parts = urlsplit(value)
        if parts.scheme == "http" and is_loopback(parts.hostname or "") and parts.port and parts.username is None:
            return value
    except ValueError:
        pass
    raise ValueError("is neither a path of this farm nor http://127.0.0.1:PORT/…")


ReturnTo = Annotated[
    str,
    Query(
        max_length=512,
        description="Where the browser goes at the end, with `code` and `state`, or `error`: a path of this farm, or "
        "`http://127.0.0.1:PORT/…`. Absent: it is shown the session.",
    ),
    AfterValidator(_is_ours),
]
CodeChallenge = Annotated[
    str,
    Query(
        pattern=r"^[A-Za-z0-9_-]{43}$",
        description="S256 of a verifier of yours (RFC 7636), which POST /v1/auth/oidc/token wants; with `return_to`.",
    ),
]
ClientState = Annotated[str, Query(max_length=256, description="Comes back unchanged at `return_to`.")]


class CodeExchange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(max_length=200, description="That came to `return_to`.")]
    code_verifier: Annotated[
        str,
        Field(min_length=43, max_length=128, pattern=r"^[A-Za-z0-9._~-]+$", description="Of the challenge (RFC 7636)."),
    ]
    session: SessionPlace = "token"
