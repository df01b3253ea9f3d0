"""Conditional requests of RFC 9110: which version of a thing a client has, and which one it means to change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Header, Response
from pydantic import BaseModel

from serve_app.entity_tags import is_named, tags_in
from serve_app.openapi import Responses, problems
from serve_app.problems import PreconditionFailed

View = TypeVar("View")

ETAG_HEADER = {"ETag": {"description": "The version of what is answered.", "schema": {"type": "string"}}}
"""For ``responses``."""

READS: Responses = {
    200: {"headers": ETAG_HEADER},
    304: {"description": "Nothing has changed since the version that If-None-Match names.", "headers": ETAG_HEADER},
}
"""What a read that knows If-None-Match may answer, beside its problems."""

CHANGES: Responses = {200: {"headers": ETAG_HEADER}, **problems(412)}
"""What a change that knows If-Match may answer, beside its other problems."""

ENDS: Responses = problems(412)
"""The same of a route that answers nothing, as one that deletes."""

IfNoneMatch = Annotated[
    str | None,
    Header(description="`ETag` of the version that you have: where it is still the newest, the answer is 304."),
]
IfMatch = Annotated[
    str | None,
    Header(description="`ETag` of the version that you mean to change: where somebody was faster, the answer is 412."),
]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a thing. ``revision`` names what a person may change of it, ``content`` all that moves by itself.

    A change asks for the revision alone: a frame that is rendered meanwhile is nobody's edit.
    """

    revision: str
    content: str = ""
    weak: bool = False
    """Equal versions mean the same, and differ in bytes (RFC 9110, 8.8.1): a link that was signed again."""

    @property
    def etag(self) -> str:
        text = f"{self.revision}.{self.content}" if self.content else self.revision
        return f'{"W/" if self.weak else ""}"{text}"'

    def is_known(self, if_none_match: str | None) -> bool:
        """Whether the client has this very version; compared weakly, as the RFC says."""
        return is_named(self.etag, if_none_match)

    def require(self, if_match: str | None) -> None:
        """Raises ``PreconditionFailed`` where the client means to change another revision; compared strongly."""
        if if_match is None:
            return
        named = {tag if tag == "*" else tag.strip('"').partition(".")[0] for tag in tags_in(if_match)}
        if self.weak or not named & {"*", self.revision}:
            raise PreconditionFailed(
                "Somebody has changed it since the version that If-Match names.",
                remedy="Read it again, look at what is different, and send the change with the new ETag.",
                etag=self.etag,
            )


def require_there(version: Version | None, if_match: str | None) -> None:
    """``Version.require`` of a thing that may not be there: then whoever names a version is refused, for any."""
    if version is not None:
        version.require(if_match)
    elif if_match is not None:
        raise PreconditionFailed(
            "There is none, so it is not in the version that If-Match names.",
            remedy="Leave If-Match out to make it.",
        )


def digest_of(text: str) -> str:
    """A short name of a text, other for any other text."""
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def version_by_content(view: BaseModel) -> Version:
    """Of a thing whose every part counts."""
    return Version(revision=digest_of(view.model_dump_json()))


def answer(view: View, version: Version, *, response: Response, if_none_match: str | None = None) -> View | Response:
    """The view with its ETag, or 304 without a body where the client has it. A browser may keep it, and asks each
    time."""
    headers = {"ETag": version.etag, "Cache-Control": "private, no-cache"}
    if version.is_known(if_none_match):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return view
