"""The planner's view of jobs: read whole, and on a large farm for a while only those that changed since."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from db._query import run
from db.session import Transaction
from jobs.planning import JobView, LooseChunk, PlanSettings
from jobs.spec import PriorityClass
from jobs.states import JobState

_CLASSES = tuple(PriorityClass)
_NONE: Mapping[str, Any] = {}
_NOTHING: frozenset[str] = frozenset()
_QUEUED = str(JobState.QUEUED)
_MAY_RENDER = (_QUEUED, str(JobState.RUNNING))

_JobFacts = tuple[UUID, UUID, str, str, float, Mapping[str, Any], Mapping[str, Any], int]
"""The first fields of a ``JobView``: those that never change."""

known_uuid = lru_cache(maxsize=1 << 16)(UUID)
"""The same few thousand in each tick; to read one anew takes ten times as long."""


class JobsReader:
    """Live jobs. What never changes of one is read once."""

    def __init__(self, plan: PlanSettings) -> None:
        self._jobs_per_project = plan.jobs_per_project
        self._facts: dict[str, _JobFacts] = {}
        self._views: dict[str, JobView] = {}
        self.are_all = False
        """Whether all were read the last time: of a project with many only its first ones are, and which those are,
        only all of them together say."""

    @property
    def count(self) -> int:
        """Of the jobs as they were read the last time."""
        return len(self._views)

    async def read(self, tx: Transaction) -> tuple[JobView, ...]:
        """Of each project the first ``jobs_per_project``, and those with chunks in flight."""
        rows = (await run(tx, "read_jobs", jobs_per_project=self._jobs_per_project)).all()
        # of those that are gone nothing is kept
        self._facts = {row[0]: known for row in rows if (known := self._facts.get(row[0])) is not None}
        self._views = await self._viewed(tx, rows)
        of_project = Counter(view.project_id.int for view in self._views.values())
        self.are_all = max(of_project.values(), default=0) < self._jobs_per_project
        return tuple(self._views.values())

    async def read_some(self, tx: Transaction, changed: Iterable[str]) -> tuple[JobView, ...]:
        """Those of the last time and these, and only these as they are now; the times in the others are as old as
        they are."""
        ids = {*changed, *(text for text, view in self._views.items() if view.blocked_nodes)}
        rows = (await run(tx, "read_jobs.some", ids=list(ids), jobs_per_project=len(ids))).all()
        views = await self._viewed(tx, rows)
        for text in ids:
            self._views.pop(text, None)
        self._views |= views
        return tuple(self._views.values())

    async def _viewed(self, tx: Transaction, rows: Sequence[Any]) -> dict[str, JobView]:
        facts = self._facts
        if new := [row[0] for row in rows if row[0] not in facts]:
            facts.update(_facts((await run(tx, "read_job_facts", ids=new)).all()))
        return _views(rows, facts)


def _facts(rows: Sequence[Any]) -> Iterator[tuple[str, _JobFacts]]:
    read = cache(json.loads)  # one object for each different text
    for text, id_, project_id, pipeline, digest, created, labels, licences, split_parts in rows:
        asked = read(labels) if labels else _NONE
        held = read(licences) if licences else _NONE
        yield text, (id_, known_uuid(str(project_id)), pipeline, digest, created, asked, held, split_parts)


def _views(rows: Sequence[Any], facts: Mapping[str, _JobFacts]) -> dict[str, JobView]:
    """Unpacked and not asked for by name, which would cost more than all the rest: thousands of rows in each tick."""
    return {
        text: JobView._make(
            facts[text]
            + (
                state != _QUEUED,
                state not in _MAY_RENDER,
                _CLASSES[priority_rank],
                weight,
                engine_version,
                device_class,
                max_replicas,
                frozenset(blocked_nodes) if blocked_nodes else _NOTHING,
                uncarved,
                gated,
                _loose(loose) if loose else (),
                active,
                active_frames,
                frame_seconds,
                waited_s,
                finish_in_s,
            )
        )
        for (
            text,
            state,
            priority_rank,
            weight,
            engine_version,
            device_class,
            max_replicas,
            blocked_nodes,
            uncarved,
            gated,
            loose,
            active,
            active_frames,
            frame_seconds,
            waited_s,
            finish_in_s,
        ) in rows
        if text in facts  # and not deleted in between
    }


def _loose(chunks: Sequence[Any]) -> tuple[LooseChunk, ...]:
    return tuple(
        LooseChunk(work_id=work_id, frames=frames, avoid=frozenset(UUID(text) for text in avoid))
        for work_id, frames, avoid in sorted(chunks)
    )
