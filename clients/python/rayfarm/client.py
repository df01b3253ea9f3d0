"""The SDK's front door: one farm, its models, jobs, events and files."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from rayfarm import registration, uploads, watching
from rayfarm._admin_calls import AdminCalls
from rayfarm._calls import id_of
from rayfarm._config import project_of, resolve
from rayfarm._destination_calls import DestinationCalls
from rayfarm._ids import quoted, require_id
from rayfarm._job_calls import JobCalls, scene_frames
from rayfarm._transport import OnWait, Transport, TransportSettings
from rayfarm.types import Event, Job, Json, Model, Replica
from rayfarm.version import __version__

__all__ = ["Client", "scene_frames"]


class Client(JobCalls, DestinationCalls, AdminCalls):
    """A connection to one farm. Thread-safe; close it, or use it in a ``with`` block.

    Without arguments it finds the farm as the CLI does: ``RAYFARM_URL`` and ``RAYFARM_API_KEY``, else the farm that
    was started in ``RAYFARM_HOME`` (default ``./.rayfarm``), else the farm of the newest `rayfarm login`. Where there
    is no key, a login at that farm is used, and renewed as it goes on. ``project``, or
    ``RAYFARM_PROJECT``, names by its slug the project to act in, for who is in several.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        project: str | None = None,
        settings: TransportSettings | None = None,
        transport: httpx.BaseTransport | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        connection = resolve(url=base_url, api_key=api_key)
        self.base_url = connection.url
        self._transport = Transport(
            base_url=connection.url,
            api_key=connection.api_key,
            auth=connection.auth(),
            project=project_of(named=project),
            user_agent=f"rayfarm-python/{__version__}",
            settings=settings,
            transport=transport,
            on_wait=on_wait,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def me(self) -> Json:
        """Who this credential is, its roles, and what it may do."""
        answer: Json = self._transport.json("GET", "/v1/me")
        return answer

    # --- models ---

    def upload(self, paths: Sequence[Path | str], *, on_sent: uploads.OnSent | None = None) -> uploads.UploadReport:
        """Upload what the farm lacks of these files; each is named by its digest."""
        return uploads.upload(self._transport, [Path(path) for path in paths], on_sent=on_sent)

    def register_model(
        self,
        path: Path | str,
        *,
        name: str | None = None,
        map: Sequence[tuple[str, str]] = (),
        allow: Sequence[Path | str] = (),
        on_step: registration.OnStep | None = None,
        on_sent: uploads.OnSent | None = None,
    ) -> Model:
        """Register a scene with all files that it refers to; ends with a model that is ready. Of a folder with one
        scene in it, every file is sent.

        ``map`` replaces the beginning of a reference (``[("P:/show", "/mnt/show")]``); files outside the scene's
        folder are taken only from folders in ``allow``. Raises ``NotAModel``, ``MissingFiles`` or ``ModelInvalid``.
        """
        return registration.register_model(
            self._transport,
            Path(path),
            name=name,
            mappings=map,
            allow=[Path(folder) for folder in allow],
            on_step=on_step,
            on_sent=on_sent,
        )

    def keep_warm(self, model: Model | str, *, keep: bool = True) -> Model:
        """Have replicas with nothing to do load the model, or no longer. Needs a key of the whole farm."""
        model_id = model.id if isinstance(model, Model) else model
        path = f"/v1/models/{require_id(model_id, what='model')}"
        return Model.read(self._transport.json("PATCH", path, json={"keep_warm": keep}, repeatable=True))

    # --- jobs ---

    def cancel(self, job_id: str) -> Job:
        """Ask for the end of a job; canceling a job twice is no error."""
        return Job.read(self._transport.json("POST", f"/v1/jobs/{id_of(job_id)}/cancel", repeatable=True))

    def pause(self, job: Job | str) -> Job:
        """Frames that render finish, no other starts. ``FarmRefused`` (409) where the job's state does not allow it;
        its ``problem`` names the state and what is allowed. So with all commands below."""
        return self._command(job, "pause")

    def resume(self, job: Job | str) -> Job:
        """Let a paused job go on."""
        return self._command(job, "resume")

    def approve(self, job: Job | str) -> Job:
        """The scout frames are good: render the rest."""
        return self._command(job, "approve")

    def retry(self, job: Job | str, *, frames: str | None = None) -> Job:
        """Try a failed or canceled job again: what has a picture keeps it. ``frames``: only these of the others."""
        return self._command(job, "retry", {"frames": frames})

    def skip(self, job: Job | str, frames: str) -> Job:
        """Do not render these frames; the job can succeed without them. All or none."""
        return self._act(job, "skip", frames)

    def requeue(self, job: Job | str, frames: str) -> Job:
        """Render these frames (again); an old picture stays until the new one is there. All or none."""
        return self._act(job, "requeue", frames)

    def change(self, job: Job | str, *, if_match: str | None = None, **fields: Any) -> Job:
        """Change priority, weight, max_replicas, start_before, finish_before, expires_at (ISO 8601 with zone; None:
        none), tags, show or shot. ``if_match``: the ``etag`` of the job as you have read it; ``FarmRefused`` (412)
        where somebody has changed it since."""
        named = {} if if_match is None else {"If-Match": if_match}
        # Not repeated then: the first try may have been the change that made the tag old.
        return self._read_job("PATCH", f"/v1/jobs/{id_of(job)}", json=fields, headers=named, repeatable=not named)

    def clone(self, job: Job | str, *, idempotency_key: str | None = None, **changes: Any) -> Job:
        """A new job like this one save ``changes``: fields of a job spec; ``settings`` are merged key by key."""
        key = idempotency_key or uuid.uuid4().hex
        path = f"/v1/jobs/{id_of(job)}/clone"
        answer = self._transport.json("POST", path, json=changes, headers={"Idempotency-Key": key}, repeatable=True)
        return Job.read(answer)

    def watch(self, job: Job | str, *, after: str | None = None) -> Iterator[Event]:
        """Events of a job from its beginning (or behind ``after``) to its end; survives a restart of the API."""
        return watching.watch_events(self._transport, id_of(job), after=after)

    def frames(self, job: Job | str, *, state: str | None = None, limit: int | None = None) -> Iterator[Json]:
        return self._pages(f"/v1/jobs/{id_of(job)}/frames", params={"state": state}, limit=limit)

    def attempts(self, job: Job | str, frame: int) -> Iterator[Json]:
        return self._pages(f"/v1/jobs/{id_of(job)}/frames/{int(frame)}/attempts")

    # --- the farm ---

    def replicas(self) -> list[Replica]:
        return [Replica.read(item) for item in self._pages("/v1/replicas")]

    def nodes(self) -> list[Json]:
        """The machines of the farm, with their replicas."""
        return list(self._pages("/v1/nodes"))

    def replica_attempts(self, replica_id: str, *, limit: int = 20) -> list[Json]:
        """The last tries of a replica, newest first."""
        path = f"/v1/replicas/{require_id(replica_id, what='replica')}/attempts"
        answer = self._transport.json("GET", path, params={"limit": limit})
        return list(answer["items"])

    def drain(self, worker: str, *, reason: str | None = None, within_s: float | None = None) -> Json:
        """Let a replica (by id) or all replicas of a machine (by name) finish their frames and leave.

        ``within_s``: the machine goes then, as a spot notice says. Needs a key of the whole farm.
        """
        return self._tell(worker, "drain", {"reason": reason, "within_s": within_s})

    def disable(self, worker: str, *, reason: str | None = None) -> Json:
        """Give a replica (by id) or a machine (by name) no new work. Needs a key of the whole farm."""
        return self._tell(worker, "disable", {"reason": reason})

    def enable(self, worker: str) -> Json:
        """Give a disabled replica (by id) or machine (by name) work again. Needs a key of the whole farm."""
        return self._tell(worker, "enable", None)

    def licences(self) -> list[Json]:
        """The counted licences that a job may ask for."""
        return list(self._pages("/v1/licences"))

    def set_licence(self, name: str, capacity: int) -> Json:
        """Chunks that may hold the licence at once; makes it where there is none. Needs a key of the whole farm."""
        path = f"/v1/licences/{quoted(name)}"
        answer: Json = self._transport.json("PUT", path, json={"capacity": capacity}, repeatable=True)
        return answer

    def drop_licence(self, name: str) -> None:
        """Forget a licence; jobs that ask for it wait. Needs a key of the whole farm."""
        self._transport.request("DELETE", f"/v1/licences/{quoted(name)}")

    def projects(self) -> list[Json]:
        """The projects and their shares. Needs a key of the whole farm."""
        return list(self._pages("/v1/projects"))

    def set_share(self, project: str, weight: int) -> Json:
        """Share of a project, by its slug, beside the others'. Needs a key of the whole farm."""
        path = f"/v1/projects/{quoted(project)}"
        answer: Json = self._transport.json("PATCH", path, json={"weight": weight}, repeatable=True)
        return answer

    def blocklist(self, job: Job | str) -> list[Json]:
        """Machines on which the job has failed, and those that get no more of it."""
        return list(self._pages(f"/v1/jobs/{id_of(job)}/blocklist"))

    def pipelines(self) -> list[Json]:
        """The ways to make pixels, each with the JSON Schema of its settings."""
        return list(self._pages("/v1/pipelines"))

    def pipeline(self, name: str) -> Json:
        """One of them; ``FarmRefused`` (404) names those that there are."""
        answer: Json = self._transport.json("GET", f"/v1/pipelines/{quoted(name)}")
        return answer

    def check(self, pipeline: str, *, settings: Mapping[str, Any] | None = None, split: Json | None = None) -> Json:
        """The settings as a job would have them, before a scene is sent; ``FarmRefused`` names the wrong one."""
        asked = {"settings": dict(settings or {}), **({"split": dict(split)} if split else {})}
        path = f"/v1/pipelines/{quoted(pipeline)}/check"
        answer: Json = self._transport.json("POST", path, json=asked, repeatable=True)
        return answer

    def has_web_app(self) -> bool:
        """Whether the farm serves the web app at its address; it must have been built there."""
        answer: Json = self._transport.json("GET", "/")
        return answer.get("web") is not None

    def ready(self) -> Json:
        """The farm's own check of its parts; ``FarmUnreachable`` with its ``problem`` if one is not ready."""
        answer: Json = self._transport.json("GET", "/v1/health/ready", repeatable=False)
        return answer

    def _command(self, job: Job | str, command: str, body: Json | None = None) -> Job:
        return Job.read(self._transport.json("POST", f"/v1/jobs/{id_of(job)}/{command}", json=body, repeatable=False))

    def _act(self, job: Job | str, action: str, frames: str) -> Job:
        body = {"action": action, "frames": frames}
        path = f"/v1/jobs/{id_of(job)}/frames/actions"
        return Job.read(self._transport.json("POST", path, json=body, repeatable=False)["job"])
