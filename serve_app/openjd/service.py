"""A template becomes the specification that `POST /v1/jobs` would be sent."""

from __future__ import annotations

import asyncio
from asyncio import Semaphore
from typing import Any

from jobs.errors import InvalidInput
from jobs.openjd import ImportedJob, import_template
from jobs.spec import JobSpec
from serve_app.openjd.schemas import OpenjdImport
from serve_app.validation import check_against


async def spec_of(asked: OpenjdImport, *, threads: Semaphore) -> JobSpec:
    """Raises what ``import_template`` raises, and ``InvalidInput`` for pieces that are no job of this farm."""
    # Some ten milliseconds of parsing, and up to a second of refusing, for which no other request should wait.
    async with threads:
        found = await asyncio.to_thread(import_template, asked.template, asked.parameters)
    if both := sorted(found.settings.keys() & asked.settings.keys()):
        raise InvalidInput(
            f"The template's command line names {', '.join(both)} already.",
            field="settings",
            remedy="Leave that out of settings, or change the template.",
        )
    return check_against(JobSpec, _fields_of(found, asked), field="job", what="fields that the template gives the job")


def _fields_of(found: ImportedJob, asked: OpenjdImport) -> dict[str, Any]:
    return {
        "name": found.name,
        "model": asked.model,
        "pipeline": "cycles",
        "settings": {**asked.settings, **found.settings},
        "frames": found.frames,
        # What the template does not make is not made: a film is a step of its own there.
        "outputs": {"video": found.video, "naming": asked.naming or found.naming},
        "priority": asked.priority,
        "limits": {} if found.frame_timeout_s is None else {"frame_timeout_s": found.frame_timeout_s},
        "tags": asked.tags,
        "show": asked.show,
        "shot": asked.shot,
        "notify": asked.notify,
    }
