"""``GET /v1/jobs/{id}/events``."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from serve_app.dependencies import Services, Tx
from serve_app.events.schemas import STREAM_RESPONSES
from serve_app.events.service import start_after
from serve_app.events.stream import stream_events
from serve_app.security import Access, still_may

router = APIRouter(tags=["jobs"])


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses=STREAM_RESPONSES)
async def follow_job(
    job_id: UUID,
    request: Request,
    access: Access,
    tx: Tx,
    services: Services,
    last_event_id: Annotated[
        str | None, Header(max_length=40, description="Id of the last event that was seen; the next one comes first.")
    ] = None,
    after: Annotated[int | None, Query(ge=0, description="The same for clients that cannot set the header.")] = None,
) -> Response:
    """The job's events from its beginning, or behind the last one seen, until the job has ended (204: it has)."""
    start = await start_after(tx, project_id=access.project_id, job_id=job_id, last_event_id=last_event_id, after=after)
    if start is None:
        return Response(status_code=204)
    services.streams.require_one(access.project_id)  # the stream takes it, once its answer has begun
    return StreamingResponse(
        stream_events(
            database=services.database,
            hub=services.hub,
            settings=services.settings,
            place=services.streams.take(access.project_id),
            job_id=job_id,
            start=start,
            still_may=partial(still_may, request=request, caller=access),
        ),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
