"""Query parameters of the lists of jobs: what is wanted, and in which order."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from db.repositories.filters import Span
from db.repositories.job_lists import JobFilter, JobSort
from jobs.spec import MAX_TAGS, Deadline
from jobs.states import JobState
from serve_app.filters import CreatedQuery, NamePart, Text
from serve_app.security import Access

ME = "me"
"""Instead of a name: whoever asks."""


async def _job_filter(
    access: Access,
    created: CreatedQuery,
    state: Annotated[list[JobState] | None, Query(description="Only jobs in one of these states.")] = None,
    pipeline: Annotated[Text | None, Query(max_length=40, description="Only jobs of this pipeline.")] = None,
    model: Annotated[UUID | None, Query(description="Only jobs of this model.")] = None,
    name: NamePart = None,
    tag: Annotated[
        list[Text] | None, Query(max_length=MAX_TAGS, description="Only jobs that have all of these tags.")
    ] = None,
    show: Annotated[Text | None, Query(max_length=100, description="Only jobs of this show.")] = None,
    shot: Annotated[Text | None, Query(max_length=100, description="Only jobs of this shot.")] = None,
    submitted_by: Annotated[
        Text | None, Query(max_length=300, description="Only jobs of this person or key; `me`: of who asks.")
    ] = None,
    ended_after: Annotated[Deadline | None, Query(description="Ended then or later; with a time zone.")] = None,
    ended_before: Annotated[Deadline | None, Query(description="Ended earlier; with a time zone.")] = None,
) -> JobFilter:
    return JobFilter(
        states=state or (),
        pipeline=pipeline,
        model_id=model,
        name_part=name,
        tags=tag or (),
        show=show,
        shot=shot,
        submitted_by=access.name if submitted_by == ME else submitted_by,
        created=created,
        ended=Span(after=ended_after, before=ended_before),
    )


JobQuery = Annotated[JobFilter, Depends(_job_filter)]

SortQuery = Annotated[
    JobSort,
    Query(description="What the list goes by; a minus turns it round. By `ended_at`: only jobs that have ended."),
]
