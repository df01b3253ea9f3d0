"""Bounds what many open requests may hold: without it, a few hundred slow ones would keep everybody else out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from jobs.errors import RayfarmError


class TooManyAtOnce(RayfarmError):
    """Too many requests of this kind are open at once."""

    code = "too-many-at-once"


class Places:
    """So many requests of one kind at once in this process, of them at most so many of one project, or of whoever else
    they are counted by."""

    def __init__(self, *, what: str, total: int, per_project: int, whose: str = "this project") -> None:
        """``what``: plural, for people; ``whose``: what they are shared between."""
        self._what = what
        self._whose = whose
        self._total = total
        self._per_project = per_project
        self._taken: Counter[Hashable] = Counter()

    def taken(self, project_id: Hashable) -> int:
        """Places that one holds now."""
        return self._taken[project_id]

    def require_one(self, project_id: Hashable) -> None:
        """Raises ``TooManyAtOnce`` when all places, or those of the project, are taken."""
        for taken, limit, whose in (
            (self._taken.total(), self._total, "this farm's API process"),
            (self._taken[project_id], self._per_project, self._whose),
        ):
            if taken >= limit:
                raise TooManyAtOnce(
                    f"{limit} {self._what} are open, the most that {whose} may have.",
                    remedy="Close some of them, or try again in a moment.",
                    limit=limit,
                )

    @contextmanager
    def take(self, project_id: Hashable) -> Iterator[None]:
        """Hold a place until the end of the block. Raises as ``require_one`` does."""
        self.require_one(project_id)
        self._taken[project_id] += 1
        try:
            yield
        finally:
            self._taken[project_id] -= 1
            if not self._taken[project_id]:
                del self._taken[project_id]
