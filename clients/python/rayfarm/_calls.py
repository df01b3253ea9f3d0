"""What every group of the client's calls is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rayfarm._ids import require_id
from rayfarm._transport import Transport
from rayfarm.types import Job, Json

PAGE = 500
"""Rows per page of a list."""


class Calls:
    """Calls over one connection."""

    _transport: Transport

    def _pages(
        self,
        path: str,
        *,
        params: Json | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> Iterator[Json]:
        cursor: str | None = None
        given = 0
        while True:
            size = PAGE if limit is None else min(PAGE, limit - given)
            if size <= 0:
                return
            asked = {**(params or {}), "limit": size, "cursor": cursor}
            answer = self._transport.json("GET", path, params=asked, headers=headers)
            items = answer if isinstance(answer, list) else answer.get("items", [])
            for item in items:
                yield item
                given += 1
            cursor = None if isinstance(answer, list) else answer.get("next_cursor")
            if not cursor:
                return


def id_of(job: Job | str) -> str:
    """Checked: it goes into a path. Raises ``UsageError``."""
    return require_id(job if isinstance(job, str) else job.id, what="job")
