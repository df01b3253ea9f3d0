"""Finds the export of the web app and reads it."""

from __future__ import annotations

from pathlib import Path

import structlog

import serve_app
from serve_app.settings import ApiSettings
from serve_app.web.export import Export, read_export

log = structlog.get_logger(__name__)

_OF_THE_CHECKOUT = Path(serve_app.__file__).resolve().parents[1] / "web" / "out"


def open_export(settings: ApiSettings) -> Export | None:
    """None where there is none: the farm renders without it, and ``/`` says how to build it."""
    folder = settings.web_dir or _OF_THE_CHECKOUT
    try:
        export = read_export(folder)
    except (OSError, UnicodeDecodeError) as failure:  # programs and replicas need no pages
        log.warning("the web app cannot be read", action="web.unreadable", folder=str(folder), error=str(failure))
        return None
    if export is None:
        log.info("the web app is not built", action="web.missing", folder=str(folder))
    return export
