"""Jobs: submitted and waited for, found again, and stills that come in the answer."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rayfarm import registration
from rayfarm._calls import id_of
from rayfarm._ids import quoted, require_id
from rayfarm._step_calls import StepCalls
from rayfarm.errors import ClientError, UsageError
from rayfarm.types import Estimate, Job, Json, Model

PICTURES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "exr": "image/x-exr"}
"""Media type of each file format that a still may have, as far as its pipeline makes it."""

LONGEST_WAIT = timedelta(seconds=60)
"""What one request asks the farm to wait; a longer wait is several requests."""


class JobCalls(StepCalls):
    """Calls of ``/v1/jobs`` and of what jobs are grouped by."""

    def model(self, model_id: str, *, wait: float | None = None) -> Model:
        path = f"/v1/models/{require_id(model_id, what='model')}"
        return Model.read(self._transport.json("GET", path, params={"wait": int(wait) if wait else None}))

    def models(
        self,
        *,
        state: str | Sequence[str] | None = None,
        kind: str | None = None,
        name: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Model]:
        """Models, newest first; ``name``: somewhere in it; ``sort``: ``-created_at`` or ``name``."""
        wanted = {"state": state, "kind": kind, "name": name, "sort": sort}
        return (Model.read(item) for item in self._pages("/v1/models", params=wanted, limit=limit))

    def submit(
        self,
        model: Model | str,
        *,
        frames: str | None = None,
        settings: Mapping[str, Any] | None = None,
        pipeline: str | None = None,
        idempotency_key: str | None = None,
        wait: float | None = None,
        **fields: Any,
    ) -> Job:
        """Submit a job; ``fields`` are the other fields of a job spec (name, outputs, priority, tags, …).

        Without ``frames``: the scene's own range; without ``pipeline``: that of the model's kind. A repeated call with
        one ``idempotency_key`` makes one job. ``wait``: come back with its end, or as it is after so many seconds (the
        farm's ceiling is 60 unless set otherwise).
        """
        spec = self._spec(model, frames=frames, settings=settings, pipeline=pipeline, fields=fields)
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex, **_prefer(wait)}
        return self._read_job("POST", "/v1/jobs", json=spec, headers=headers, repeatable=True)

    def import_openjd(
        self,
        template: str,
        model: Model | str,
        *,
        parameters: Mapping[str, str | int | float] | None = None,
        settings: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        wait: float | None = None,
        **fields: Any,
    ) -> Job:
        """Submit the job that an Open Job Description template describes; ``template`` is its text, ``parameters``
        are values of its job parameters, ``model`` is its scene. ``fields``: priority, tags, show, shot, naming.

        ``FarmRefused``: the template is not valid, or asks for what the farm does not import, which the error names.
        """
        asked = {
            "template": template,
            "parameters": dict(parameters or {}),
            "model": model if isinstance(model, str) else model.id,
            "settings": dict(settings or {}),
            **fields,
        }
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex, **_prefer(wait)}
        return self._read_job("POST", "/v1/jobs:import-openjd", json=asked, headers=headers, repeatable=True)

    def job(self, job_id: str, *, wait: float | None = None) -> Job:
        """One job; ``wait``: with its end, or as it is after so many seconds."""
        return self._read_job("GET", f"/v1/jobs/{id_of(job_id)}", headers=_prefer(wait))

    def still(
        self,
        model: Model | str,
        frame: int,
        *,
        format: str = "png",
        settings: Mapping[str, Any] | None = None,
        pipeline: str | None = None,
        timeout: timedelta | None = None,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> bytes:
        """The picture of one frame, rendered before other work. ``format``: png, jpeg, webp or exr.

        ``FarmRefused``: the frame failed (422, with the reason), or the pipeline makes no such file (406).
        ``ClientError`` where ``timeout`` is over first: the job goes on, and the same call with its
        ``idempotency_key`` has its picture.
        """
        if format not in PICTURES:
            raise UsageError(f"A still has no format {format!r}.", remedy=f"There are {', '.join(PICTURES)}.")
        spec = self._spec(model, frames=str(int(frame)), settings=settings, pipeline=pipeline, fields=fields)
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex, "Accept": PICTURES[format]}
        ends_at = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while True:
            left = LONGEST_WAIT.total_seconds() if ends_at is None else ends_at - time.monotonic()
            wait_s = max(1, min(LONGEST_WAIT.total_seconds(), left))
            prefer = {"Prefer": f"return=representation, wait={int(wait_s)}"}
            answer = self._transport.request(
                "POST", "/v1/jobs", json=spec, headers={**headers, **prefer}, repeatable=True
            )
            if answer.headers.get("Content-Type", "").startswith("image/"):
                return answer.content
            if ends_at is not None and time.monotonic() >= ends_at:
                job = Job.read(answer.json())
                raise ClientError(f"Job {job.id} is still {job.state}.", remedy=f"Watch it: rayfarm watch {job.id}.")
            if "Preference-Applied" not in answer.headers:  # no place to wait in: not at once again
                time.sleep(1)

    def jobs(
        self,
        *,
        state: str | Sequence[str] | None = None,
        pipeline: str | None = None,
        model: Model | str | None = None,
        name: str | None = None,
        tags: str | Sequence[str] | None = None,
        show: str | None = None,
        shot: str | None = None,
        submitted_by: str | None = None,
        created_after: datetime | str | None = None,
        created_before: datetime | str | None = None,
        ended_after: datetime | str | None = None,
        ended_before: datetime | str | None = None,
        sort: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Job]:
        """Jobs, newest first. ``name``: somewhere in it; ``tags``: those that have all of them; ``submitted_by``: an
        e-mail address, ``key NAME`` or ``me``; times with their zone; ``sort``: ``created_at``, ``ended_at`` or
        ``name``, with a minus the other way round."""
        wanted = {
            "state": state,
            "pipeline": pipeline,
            "model": model.id if isinstance(model, Model) else model,
            "name": name,
            "tag": tags,
            "show": show,
            "shot": shot,
            "submitted_by": submitted_by,
            "created_after": _time(created_after),
            "created_before": _time(created_before),
            "ended_after": _time(ended_after),
            "ended_before": _time(ended_before),
            "sort": sort,
        }
        return (Job.read(item) for item in self._pages("/v1/jobs", params=wanted, limit=limit))

    def shows(self, project: str = "default") -> Iterator[Json]:
        """Shows that jobs of the project name, with how many jobs and shots each has."""
        return self._pages(f"/v1/projects/{quoted(project)}/shows")

    def shots(self, show: str, project: str = "default") -> Iterator[Json]:
        """Shots of one show, with how many jobs each has."""
        return self._pages(f"/v1/projects/{quoted(project)}/shots", params={"show": show})

    def tags(self, project: str = "default") -> Iterator[Json]:
        """Tags that jobs of the project have, with how many have each."""
        return self._pages(f"/v1/projects/{quoted(project)}/tags")

    def estimate(
        self,
        model: Model | str,
        *,
        frames: str | None = None,
        settings: Mapping[str, Any] | None = None,
        pipeline: str | None = None,
        **fields: Any,
    ) -> Estimate:
        """What a job would cost, checked as ``submit`` would; nothing is written."""
        spec = self._spec(model, frames=frames, settings=settings, pipeline=pipeline, fields=fields)
        return Estimate.read(self._transport.json("POST", "/v1/jobs/estimate", json=spec, repeatable=True))

    def _spec(
        self,
        model: Model | str,
        *,
        frames: str | None,
        settings: Mapping[str, Any] | None,
        pipeline: str | None,
        fields: Mapping[str, Any],
    ) -> dict[str, Any]:
        if isinstance(model, str) and frames is None:
            model = self.model(model)
        spec: dict[str, Any] = {
            "model": model if isinstance(model, str) else model.id,
            "settings": dict(settings or {}),
            "frames": frames if isinstance(model, str) or frames else scene_frames(model),
            **fields,
        }
        chosen = pipeline or registration.pipeline_of(model)
        if chosen is not None:
            spec["pipeline"] = chosen
        if not isinstance(model, str):
            spec.setdefault("name", model.name or "untitled")
        return spec

    def _read_job(
        self,
        method: str,
        path: str,
        *,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> Job:
        """A job with the tag of its version."""
        answer = self._transport.request(method, path, json=json, headers=headers, repeatable=repeatable)
        return replace(Job.read(self._transport.read_json(answer, path)), etag=answer.headers.get("ETag"))


def scene_frames(model: Model) -> str:
    """The scene's own frame range in the farm's syntax."""
    probe = model.probe or {}
    try:
        first, last = int(probe["frame_start"]), int(probe["frame_end"])
    except KeyError:
        raise UsageError("The scene's frame range is not known.", remedy="Give one with --frames.") from None
    step = int(probe.get("frame_step") or 1)
    if first == last:
        return str(first)
    return f"{first}-{last}" if step == 1 else f"{first}-{last}:{step}"


def _prefer(wait: float | None) -> dict[str, str]:
    return {} if wait is None else {"Prefer": f"wait={max(0, int(wait))}"}


def _time(moment: datetime | str | None) -> str | None:
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise UsageError(f"{moment} has no time zone.", remedy="Give one: datetime.now(UTC), for example.")
        return moment.isoformat()
    return moment
