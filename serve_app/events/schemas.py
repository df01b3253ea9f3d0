"""How the event stream is described in OpenAPI."""

from __future__ import annotations

from typing import Any

from serve_app.openapi import problems

_EXAMPLE = (
    "    id: 7\n    event: frames.committed\n"
    '    data: {"at":"2026-01-05T10:00:03+00:00","data":{"frames":[{"ordinal":4,"frame":5,"render_ms":812.4}]},'
    '"job":"0198…","kind":"frames.committed","seq":7}'
)

_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "id": {"type": "string", "description": "Where the stream is resumed behind this event."},
        "event": {"type": "string", "description": "The kind."},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer", "description": "Milliseconds after which to connect again."},
    },
}
"""Of each event: so tools read the schema of a stream before OpenAPI 3.2, which has a word of its own for it."""

STREAM_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events. `id` is the job's own sequence number, without gaps; `event` the kind.\n\n"
        "While a frame renders, `frame.progress` tells where it stands: `data` has ordinal, frame, part and parts (of "
        "a split frame), fraction (0 to 1), done, total and unit (what the engine has counted; null: nothing), "
        "eta_seconds, detail, preview (a number that rises with each picture of it) and replica. "
        "It has no `id` and no `seq`, is kept nowhere and not repeated; clients may "
        f"ignore it.\n\nAn event as it goes over the line:\n\n{_EXAMPLE}",
        "content": {"text/event-stream": {"schema": _EVENT}},
    },
    204: {"description": "The job has ended and there is nothing behind the last event that was seen."},
    **problems(429),
}

FEED_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events of many jobs. `id` is the event's place in the feed: each event is told "
        "once, in the order of the transactions that wrote them, and none is skipped because it was committed late. "
        "`data` has kind, project, job and model (null where it is not theirs), seq, at and data; of two events of one "
        "job that were written at the same moment the one with the higher `seq` may come first. Connect again with "
        "`Last-Event-ID` and nothing is missed.",
        "content": {"text/event-stream": {"schema": _EVENT}},
    },
}
