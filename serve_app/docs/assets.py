"""Finds the files of the pages: our own in this package, Swagger UI's in the ``fastapi-offline`` package."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that the pages load."""

    package: str
    media_type: str


_OURS = "serve_app.docs"
_SWAGGER = "fastapi_offline"
"""MIT; carries the unchanged files of Swagger UI 5. Optional: without it /docs points at /openapi.json."""

ASSETS = {
    "page.css": Asset(_OURS, "text/css; charset=utf-8"),
    "start.js": Asset(_OURS, "text/javascript; charset=utf-8"),
    "swagger-ui.css": Asset(_SWAGGER, "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": Asset(_SWAGGER, "text/javascript; charset=utf-8"),
}
"""All that is served; a name outside of this table is never looked for."""


@cache
def read_asset(name: str) -> bytes | None:
    """The bytes of a file; None where its package is not installed."""
    package = ASSETS[name].package if name in ASSETS else _OURS
    try:
        file = resources.files(package) / "static" / name
        return file.read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        return None


def reference_is_whole() -> bool:
    """Whether every file that the reference loads is there."""
    return all(read_asset(name) is not None for name in ASSETS)
