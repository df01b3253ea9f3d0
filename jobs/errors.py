"""Errors that a person can act on; the HTTP edge turns each into problem+json by its ``code``.

RayfarmError
├── InvalidInput        the request itself is wrong              (422)
│   └── TooLarge        … because it is over a named limit       (413)
├── InvalidSettings     a process cannot start as it is told     (never over HTTP)
├── Unauthorized        no valid credential                      (401)
├── Forbidden           a valid credential without the right     (403)
├── NotFound            no such thing in this project            (404)
├── Conflict            the thing is in a state that forbids it  (409)
└── Unavailable         something the farm needs does not answer (503)
"""

from __future__ import annotations

from typing import ClassVar


class RayfarmError(Exception):
    """Rayfarm could not do what was asked."""

    code: ClassVar[str] = "error"
    """Stable slug; the last segment of the problem's ``type``."""

    def __init__(self, message: str | None = None, *, remedy: str | None = None, **details: object) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.remedy = remedy
        self.details = details
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling across a Ray boundary with remedy and details intact."""
        return (_rebuild, (type(self), self.message, self.remedy, self.details))


class InvalidInput(RayfarmError):
    """The request is not valid."""

    code = "invalid-input"

    def __init__(
        self, message: str | None = None, *, field: str | None = None, remedy: str | None = None, **details: object
    ) -> None:
        super().__init__(message, remedy=remedy, **details)
        self.field = field
        if field is not None:
            self.details["field"] = field


class TooLarge(InvalidInput):
    """The request is larger than this farm allows."""

    code = "too-large"


class InvalidSettings(RayfarmError):
    """The environment holds settings that cannot be."""

    code = "invalid-settings"


class Unauthorized(RayfarmError):
    """A valid API key is required."""

    code = "unauthorized"


class Forbidden(RayfarmError):
    """This API key does not have the right to do that."""

    code = "forbidden"


class NotFound(RayfarmError):
    """There is no such thing here."""

    code = "not-found"


class Conflict(RayfarmError):
    """The state it is in does not allow that."""

    code = "conflict"


class Unavailable(RayfarmError):
    """Something that the farm needs does not answer; try again soon."""

    code = "unavailable"


def _rebuild(kind: type[RayfarmError], message: str, remedy: str | None, details: dict[str, object]) -> RayfarmError:
    error = kind.__new__(kind)
    RayfarmError.__init__(error, message, remedy=remedy, **details)
    if isinstance(error, InvalidInput):
        field = details.get("field")
        error.field = field if isinstance(field, str) else None
    return error
