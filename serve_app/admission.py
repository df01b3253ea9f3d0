"""Who may send a body at all: asked before the framework reads and parses it, which it does ahead of `authenticate`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from fastapi import Request
from fastapi.routing import APIRoute

from serve_app.literal_paths import LiteralPath
from serve_app.security import require_right


class Admission:
    """Asks the right of a request's route, of all that stand behind a credential."""

    def __init__(self, routes: Iterable[APIRoute], *, literal: Iterable[LiteralPath], prefix: str) -> None:
        """``routes`` in the order in which they are tried; ``prefix`` stands before all their paths.
        ``literal``: what goes before them, since no template takes a word for its parameter that it stands for."""
        self._prefix = prefix
        self._literal = list(literal)
        self._routes: dict[str, list[APIRoute]] = defaultdict(list)
        for route in routes:
            for method in route.methods or ():
                self._routes[method].append(route)

    async def __call__(self, request: Request) -> None:
        """Raises ``Unauthorized``, ``RateLimited``, ``NotFound`` and ``Forbidden`` as `authenticate` would."""
        whole = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        path = whole.removeprefix(self._prefix)
        is_closed = any(
            request.method in (each.methods or ()) and each.path_regex.match(whole) for each in self._literal
        )
        for route in () if is_closed else self._routes.get(request.method, ()):
            if fits := route.path_regex.match(path):
                await require_right(request, route.name, path_params=fits.groupdict())
                return
        await require_right(request, None, path_params={})
