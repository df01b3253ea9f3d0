"""``GET /v1/projects/{slug}/events`` and ``GET /v1/events``: what happens in many jobs, on one stream."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from db.feed import FeedPlace
from jobs.access import Permission
from jobs.events import MANAGERS_ONLY, EventKind
from serve_app.dependencies import Services, Tx
from serve_app.events.feed import place_after, stream_feed
from serve_app.events.schemas import FEED_RESPONSES
from serve_app.security import Access, Caller, still_may
from serve_app.services import ApiServices

router = APIRouter(tags=["jobs"])

Kinds = Annotated[tuple[EventKind, ...], Query(alias="kind", description="Of events to be told; none: all of them.")]


async def _place(
    tx: Tx,
    last_event_id: Annotated[
        str | None, Header(max_length=60, description="Id of the last event that was seen; the next one comes first.")
    ] = None,
    after: Annotated[
        str | None,
        Query(max_length=60, description="The same for clients that cannot set the header; 0-0: all that are kept."),
    ] = None,
) -> FeedPlace:
    return await place_after(tx, last_event_id=last_event_id, after=after)


After = Annotated[FeedPlace, Depends(_place)]


@router.get("/projects/{slug}/events", response_class=StreamingResponse, responses=FEED_RESPONSES)
async def follow_project(
    slug: str, request: Request, access: Access, services: Services, after: After, kinds: Kinds = ()
) -> Response:
    """What happens in a project, from now on or behind the last event seen. It ends only with the connection."""
    return _feed(services, request, access, project_id=access.project_id, kinds=kinds, after=after)


@router.get("/events", response_class=StreamingResponse, responses=FEED_RESPONSES)
async def follow_farm(
    request: Request, access: Access, services: Services, after: After, kinds: Kinds = ()
) -> Response:
    """The same for every project of the farm, for who may see them all: a key narrowed to the workers hears nothing."""
    access.require_sight_of_all()
    return _feed(services, request, access, project_id=None, kinds=kinds, after=after)


def _heard(caller: Caller, kinds: tuple[EventKind, ...]) -> Collection[EventKind] | None:
    """What of the kinds that are asked for the caller may hear; None: everything."""
    if caller.may(Permission.PROJECT_MANAGE):
        return kinds or None
    return frozenset(kinds or EventKind) - MANAGERS_ONLY


def _feed(
    services: ApiServices,
    request: Request,
    caller: Caller,
    *,
    project_id: UUID | None,
    kinds: tuple[EventKind, ...],
    after: FeedPlace,
) -> Response:
    payer = project_id or caller.who.id
    services.streams.require_one(payer)  # the stream takes it, once its answer has begun
    return StreamingResponse(
        stream_feed(
            database=services.database,
            hub=services.hub,
            settings=services.settings,
            place=services.streams.take(payer),
            project_id=project_id,
            kinds=_heard(caller, kinds),
            after=after,
            still_may=partial(still_may, request=request, caller=caller),
        ),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
