"""Follows a job's events over every interruption: resumes behind the last event that was seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import httpx

from rayfarm._sse import ServerSentEvent, StreamBroken, parse_events
from rayfarm._transport import Retries, Transport, refusal
from rayfarm.errors import FarmUnreachable
from rayfarm.types import Event, Job

SILENCE = timedelta(seconds=45)
"""Longest quiet on a live stream; the farm sends a comment far more often, so silence is a dead connection."""

FRAME_PROGRESS = "frame.progress"
"""The one kind that is no event: told while a frame renders, without an id, and not repeated."""


def watch_events(transport: Transport, job_id: str, *, after: str | None = None) -> Iterator[Event]:
    """Events of a job behind ``after`` (from its beginning by default), each once, until the job is over.

    Between them comes progress of frames that render.
    """
    last_id = after
    retry = transport.retries()
    while True:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        try:
            with transport.stream(f"/v1/jobs/{job_id}/events", headers=headers, read_timeout=SILENCE) as response:
                if response.is_error:
                    error = refusal(response)
                    if not isinstance(error, FarmUnreachable) and response.status_code != 429:
                        raise error
                    if not retry.after_answer(response):
                        raise error
                    continue
                for piece in parse_events(_noting(response.iter_bytes(), retry)):
                    event = _read(piece)
                    if event is None or (event.id == last_id and event.kind != FRAME_PROGRESS):
                        continue
                    last_id = event.id or last_id
                    yield event
        except (httpx.TransportError, StreamBroken) as error:
            retry.after_error(error)
            continue
        # The stream ended in order: the job is over, the API is going away, or the stream's longest life was reached.
        if Job.read(transport.json("GET", f"/v1/jobs/{job_id}")).is_over:
            return
        retry.after_error(ConnectionError("the event stream ended"))


def _noting(chunks: Iterator[bytes], retry: Retries) -> Iterator[bytes]:
    """Whatever comes, a heartbeat too, renews the patience."""
    for chunk in chunks:
        retry.reset()
        yield chunk


def _read(piece: ServerSentEvent) -> Event | None:
    """The event, or None for what is no event of a job (a greeting, a heartbeat)."""
    try:
        data = json.loads(piece.data)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    inner, kind = data.get("data"), str(data.get("kind") or piece.event)
    if not isinstance(inner, dict) or not (piece.id or kind == FRAME_PROGRESS):
        return None
    return Event(id=piece.id, kind=kind, data=inner, at=data.get("at"))
