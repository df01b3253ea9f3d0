"""Keeps an address that is written out apart from the template that it also fits.

``/v1/jobs/{job_id}/frames/actions`` takes POST alone; without this a GET there would be read as frame "actions" of
``/v1/jobs/{job_id}/frames/{frame}`` and refused for its number (422), where 405 is the truth (RFC 9110, 15.5.6).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PARAMETER = re.compile(r"\{\w+\}")


class LiteralPath(Route):
    """Refuses the methods that only a template beside the address takes."""


def literal_paths(routes: Iterable[APIRoute], *, prefix: str) -> Iterator[LiteralPath]:
    """For each address of ``routes`` that a template among them fits too. They go before all others."""
    methods: dict[str, set[str]] = defaultdict(set)
    written: dict[str, str] = {}
    for route in routes:
        shape = _PARAMETER.sub("{}", route.path)
        methods[shape] |= route.methods or set()
        written[shape] = route.path
    for shape, own in methods.items():
        fits = [taken for other, taken in methods.items() if other != shape and _is_read_as(shape, other)]
        foreign = set().union(*fits) - own
        if foreign:
            path = f"{prefix}{written[shape]}"
            # Route adds HEAD to GET by itself, which may be the address's own.
            refused = LiteralPath(path, _refuse, methods=sorted(foreign), include_in_schema=False)
            refused.methods = foreign
            yield refused


def _is_read_as(shape: str, template: str) -> bool:
    """Whether the template takes a word of the address for its parameter."""
    mine, theirs = shape.split("/"), template.split("/")
    return len(mine) == len(theirs) and all(
        one == other or other == "{}" for one, other in zip(mine, theirs, strict=True)
    )


async def _refuse(request: Request) -> Response:
    raise HTTPException(405)
