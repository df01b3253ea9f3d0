"""What people are told of events, in a sentence or two: by chat and by e-mail.

Names and messages in it were written by users and engines. ``Notice`` holds plain text of one line each; whoever puts
it into a format with marks of its own escapes it there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.events import TERMINAL_JOB_EVENT_STATES, EventKind

NOTICE_KINDS = frozenset(
    {
        EventKind.JOB_STATE,
        EventKind.JOB_EXPIRING,
        EventKind.JOB_EXPIRED,
        EventKind.OUTPUT_FAILED,
        EventKind.DELIVERY_FAILED,
        EventKind.BUDGET_THRESHOLD,
        EventKind.CREDITS_SPENT,
        EventKind.WEBHOOK_DISABLED,
    }
)
"""Of events that there are words for; of ``job.state`` only those that end a job."""

_MAX_NAME = 200
_MAX_MESSAGE = 500
"""Characters of what users and engines wrote."""

_NOT_PLAIN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
"""Blanks, line ends and control characters, with the marks that turn the direction of text."""


class NoticeSettings(BaseSettings):
    """Read from ``RAYFARM_NOTICES_*`` by the loops."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_NOTICES_", frozen=True)

    job_page: str | None = None
    """Address of the page about a job, to which notices lead, with ``{job}`` where the job's id stands: for example
    ``https://farm.example.org/jobs/{job}``. None: they have no link."""

    @field_validator("job_page")
    @classmethod
    def _is_page(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or value.count("{job}") != 1:
            raise ValueError("an address that begins with https:// (or http://) and holds {job} once")
        if not value.isascii() or re.search(r"[\s<>\"|()]", value):
            raise ValueError("an address without blanks, angle brackets, quotes, parentheses and bars")
        return value

    def page_of(self, job_id: UUID | None) -> str | None:
        """The page about that job; None where there is none."""
        return None if self.job_page is None or job_id is None else self.job_page.replace("{job}", str(job_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one event says to people."""

    title: str
    """One line."""
    text: str
    """One line more; may be empty."""
    link: str | None
    """The page about the job."""


def notice_of(
    kind: str, data: Mapping[str, Any], *, job_name: str | None, project: str, link: str | None = None
) -> Notice | None:
    """The words for an event; None where there are none, as for a job that goes on."""
    job, project = f"“{plain(job_name or 'A job', _MAX_NAME)}”", plain(project, _MAX_NAME)
    words: tuple[str, str] | None = None
    match kind:
        case EventKind.JOB_STATE if data.get("state") in TERMINAL_JOB_EVENT_STATES:
            words = _of_end(job, data)
        case EventKind.JOB_EXPIRING:
            words = f"The files of {job} end soon", f"They end at {data['expires_at']}, unless it is put off."
        case EventKind.JOB_EXPIRED:
            words = f"The files of {job} have ended", f"{_count(data.get('files'), 'file')}."
        case EventKind.OUTPUT_FAILED:
            words = f"An output of {job} could not be made: {data.get('kind')}", data.get("message") or ""
        case EventKind.DELIVERY_FAILED:
            words = f"{_count(data.get('failed'), 'file')} of {job} could not be delivered", data.get("message") or ""
        case EventKind.BUDGET_THRESHOLD:
            stops = " Nothing more of it starts." if int(data["percent"]) >= 100 else ""
            money = f"{data['spent']} of {data['budget']} {data.get('currency') or ''}"
            words = f"Project {project} has spent {data['percent']} % of its budget", f"{money.strip()}.{stops}"
        case EventKind.CREDITS_SPENT:
            words = f"What project {project} paid in advance is used up", "Nothing more of it starts."
        case EventKind.WEBHOOK_DISABLED:
            which = f": {data['description']}" if data.get("description") else ""
            words = f"A webhook of project {project} was disabled{which}", data.get("message") or ""
        case EventKind.WEBHOOK_PING:
            words = f"Rayfarm tells here of project {project}", "Somebody tries whether it works."
    if words is None:
        return None
    title, text = words
    return Notice(title=plain(title, 2 * _MAX_NAME), text=plain(text, _MAX_MESSAGE), link=link)


def plain(text: str, limit: int) -> str:
    """On one line, without control characters, at most ``limit`` characters."""
    line = _NOT_PLAIN.sub(" ", text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _of_end(job: str, data: Mapping[str, Any]) -> tuple[str, str]:
    counts: Mapping[str, int] = data.get("counts") or {}
    done = counts.get("committed", 0) + counts.get("reused", 0)
    total = counts.get("total", 0)
    parts = [f"{done} of {_count(total, 'frame')} {'is' if done == 1 else 'are'} there"]
    parts += [f"{counts[each]} {each}" for each in ("failed", "canceled", "skipped") if counts.get(each)]
    title = {"succeeded": "is done", "failed": "failed", "canceled": "was canceled"}[data["state"]]
    message = data.get("message")
    return f"{job} {title}", ", ".join(parts) + "." + (f" {message}" if message else "")


def _count(number: Any, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
