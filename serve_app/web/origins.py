"""Where the links of this farm lead, for pages that may load from nowhere else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import structlog

from serve_app.settings import ApiSettings
from storage.base import Storage
from storage.settings import StorageSettings

log = structlog.get_logger(__name__)


class LinkOrigins:
    """Of storage it is what a link that was really signed has: AWS names its hosts by bucket, region and age."""

    def __init__(self, *, settings: ApiSettings, storage_settings: StorageSettings, storage: Storage) -> None:
        self._own = origin_of(str(settings.public_url)) if settings.public_url else None
        self._storage = storage if storage_settings.is_s3 else None
        self._known: list[str] | None = None

    async def read(self) -> list[str]:
        """The farm's public address, where it has one, and that of its bucket."""
        if self._known is None:
            origins = [self._own] if self._own else []
            if self._storage is not None:
                try:
                    # In a thread: the first one may ask a machine of AWS for its credentials.
                    origins.append(await asyncio.to_thread(_signed_origin, self._storage))
                except Exception as failure:  # whatever it is, the pages themselves need no storage
                    log.warning("no link to storage can be signed", action="web.origins", error=str(failure)[:500])
                    return origins
            self._known = list(dict.fromkeys(origins))
        return self._known


def origin_of(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _signed_origin(storage: Storage) -> str:
    url = storage.download_url(
        "artifacts/origin", expires_in=timedelta(seconds=1), filename="origin", media_type="text/plain"
    )
    return origin_of(url)
