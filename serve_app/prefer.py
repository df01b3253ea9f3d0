"""``Prefer`` of RFC 7240: how long an answer may take, and in which shape it is wanted. Never a reason to refuse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from urllib.request import parse_http_list

from fastapi import Depends, Header, Response

APPLIED = "Preference-Applied"

APPLIED_HEADER = {
    APPLIED: {
        "description": "The preferences that the answer goes by (RFC 7240): `wait=…` with the seconds that were "
        "granted, `respond-async`, `return=…`.",
        "schema": {"type": "string"},
    }
}
"""For ``responses``."""

_MOST_DIGITS = 9
"""Of ``wait``: thirty years; what is longer was never meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a request prefers; what this API does not know is ignored, as the RFC asks."""

    wait: timedelta | None = None
    """``wait=n``: how long the answer may take."""
    respond_async: bool = False
    """``respond-async``: rather an answer at once than a complete one."""
    return_: str | None = None
    """``return=minimal`` or ``return=representation``."""

    def time_to_wait(self, *, longest: timedelta, otherwise: timedelta = timedelta(0)) -> timedelta:
        """How long to wait before an answer that is not complete; ``otherwise``: where the request leaves it open.

        With both, ``wait`` says when ``respond-async`` begins (RFC 7240, 4.3).
        """
        if self.wait is not None:
            return min(self.wait, longest)
        return timedelta(0) if self.respond_async else min(otherwise, longest)


def read_preferences(lines: Iterable[str]) -> Preferences:
    """From the header's lines. The first of a repeated preference counts; one that cannot be read is ignored."""
    found: dict[str, str] = {}
    for preference in parse_http_list(",".join(lines)):
        name, _, value = preference.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    seconds = found.get("wait", "")
    is_number = seconds.isascii() and seconds.isdigit() and len(seconds) <= _MOST_DIGITS
    shape = found.get("return", "").lower()
    return Preferences(
        wait=timedelta(seconds=int(seconds)) if is_number else None,
        respond_async="respond-async" in found,
        return_=shape if shape in ("minimal", "representation") else None,
    )


def tell_applied(response: Response, *applied: str | None) -> None:
    """Say which preferences the answer goes by; None: one that it does not."""
    said = [one for one in (response.headers.get(APPLIED), *applied) if one]
    if said:
        response.headers[APPLIED] = ", ".join(said)


async def _preferences(
    prefer: Annotated[
        list[str] | None,
        Header(
            description="RFC 7240: `wait=20` answers once the job has ended, or after 20 seconds; `respond-async` at "
            "once; `return=representation` wants the bytes of a still, `return=minimal` its link.",
        ),
    ] = None,
) -> Preferences:
    return read_preferences(prefer or ())


Prefer = Annotated[Preferences, Depends(_preferences)]
