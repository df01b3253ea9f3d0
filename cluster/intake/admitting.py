"""One message becomes its jobs: the row that remembers it is written in the transaction of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from cluster.intake.aws import Aws
from cluster.intake.messages import JobRequest, NewObject, read_message
from cluster.intake.objects import StoredScene, store_object
from cluster.intake.ports import Admission
from cluster.intake.queue import Received
from cluster.intake.settings import SCENE_FRAMES, IntakeSettings, ObjectRule
from db.audit import ActorKind, AuditActor, AuditChange, append_audit
from db.billing.quotas import require_storage_in_quotas
from db.bootstrap import DEFAULT_PROJECT
from db.dispatch.leadership import hold_epoch
from db.features import require_feature
from db.intake import MessageName, end_message, job_of_message, take_message
from db.keys import ApiKeyIdentity, verify_key
from db.maintenance import read_maintenance
from db.repositories.blobs import blob_size, record_blob
from db.repositories.models import get_model
from db.repositories.projects import find_project
from db.session import Database, Transaction
from db.submit import register_model
from jobs.access import Permission, grants_of
from jobs.billing import OverQuota
from jobs.errors import Conflict, InvalidInput, NotFound, Unavailable
from jobs.features import Feature
from jobs.limits import FarmLimits
from jobs.spec import JobSpec
from storage.base import Storage

_log = structlog.get_logger(__name__)

_PROBING = "probing"
_REMEMBERED_MODELS = 1000


class KeyRefused(Unavailable):
    """The key that the intake submits with is not valid, or may not render."""

    code = "intake-key-refused"


class Later(Exception):
    """The message may become a job once something changes; the words say what is waited for."""


class UnderMaintenance(Later):
    """The farm is under maintenance, and nothing is submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Acting:
    """For whom a transaction acts."""

    who: ApiKeyIdentity
    project_id: UUID

    @property
    def name(self) -> str:
        """As the API calls the caller."""
        of = f" of {self.who.account_name}" if self.who.account_name is not None else ""
        return f"key {self.who.name}{of}"


class Admitting:
    """Makes the jobs of messages. Raises ``Later``, ``Unavailable``, and other ``RayfarmError`` for what is refused."""

    def __init__(
        self,
        *,
        database: Database,
        storage: Storage,
        settings: IntakeSettings,
        admission: Admission,
        limits: FarmLimits,
        aws: Aws,
    ) -> None:
        assert settings.queue_url is not None
        self._database = database
        self._storage = storage
        self._settings = settings
        self._admission = admission
        self._limits = limits
        self._aws = aws
        self._source = settings.queue_url
        self._models: dict[str, UUID] = {}
        """Of objects whose jobs wait for their model: forgetting one costs a download."""

    async def may_receive(self) -> bool:
        """Whether a message could be submitted now: not under maintenance. Raises ``KeyRefused`` for the key."""
        async with self._database.transaction() as tx:
            await self._who(tx)
            return not (await read_maintenance(tx)).active

    async def admit(self, message: Received, *, epoch: int) -> list[UUID]:
        """The jobs of the message, whether it made them now or before."""
        asked = read_message(message.body, source=self._source, message_id=message.original_id)
        if isinstance(asked, JobRequest):
            self._require_allowed(asked.publish)
            return [await self._job_of_request(asked, epoch)]
        jobs = []
        for found in asked:
            rule = next((rule for rule in self._settings.rules if rule.takes(found.bucket, found.key)), None)
            if rule is None:
                raise NotFound(
                    f"No rule takes the object {found.url[:300]}.",
                    remedy="Narrow the bucket's notification to what the rules take, or add a rule.",
                )
            jobs.append(await self._job_of_object(found, rule, message, epoch))
        return jobs

    async def _job_of_request(self, asked: JobRequest, epoch: int) -> UUID:
        return await self._submit(
            asked.name, body=asked.body, project=asked.project, publish=asked.publish, epoch=epoch
        )

    async def _job_of_object(self, found: NewObject, rule: ObjectRule, message: Received, epoch: int) -> UUID:
        name = found.name(source=self._source, message_id=message.original_id, rule=rule.name)
        async with self._database.transaction() as tx:
            earlier = await job_of_message(tx, name)
        if earlier is not None:
            return earlier
        model_id = self._models.get(name.dedup_id)
        if model_id is None:
            scene = await store_object(
                found,
                kind=rule.kind,
                aws=self._aws,
                storage=self._storage,
                max_bytes=self._settings.max_object_bytes,
                admit=partial(self._require_room, rule, epoch),
            )
            model_id = await self._register(scene, found, rule, epoch)
            while len(self._models) >= _REMEMBERED_MODELS:
                self._models.pop(next(iter(self._models)))
            self._models[name.dedup_id] = model_id
        body = {"name": scene_name(found.key), **rule.job, "model": str(model_id)}
        frames_of = model_id if rule.job.get("frames", SCENE_FRAMES) == SCENE_FRAMES else None
        job_id = await self._submit(
            name, body=body, project=rule.project, publish=rule.publish, epoch=epoch, frames_of=frames_of
        )
        self._models.pop(name.dedup_id, None)
        return job_id

    async def _require_room(self, rule: ObjectRule, epoch: int, digest: str, size_bytes: int) -> None:
        async with self._database.transaction() as tx:
            project_id = (await self._acting(tx, rule.project, epoch)).project_id
            if await blob_size(tx, project_id=project_id, digest=digest) is None:
                await require_storage_in_quotas(tx, project_id=project_id, more_bytes=size_bytes)

    async def _register(self, scene: StoredScene, found: NewObject, rule: ObjectRule, epoch: int) -> UUID:
        async with self._database.transaction() as tx:
            acting = await self._acting(tx, rule.project, epoch)
            if await record_blob(
                tx, project_id=acting.project_id, digest=scene.file.digest, size_bytes=scene.file.size_bytes
            ):  # others found room meanwhile
                await require_storage_in_quotas(tx, project_id=acting.project_id, more_bytes=0)
            made = await register_model(
                tx,
                project_id=acting.project_id,
                name=scene.name,
                manifest_json=scene.manifest.model_dump(mode="json"),
                kind=scene.manifest.kind.value,
                digest=scene.manifest.digest(),
                max_models=self._limits.max_models_per_project,
            )
            if made.created:
                about = {"name": scene.name, "kind": scene.manifest.kind.value, "digest": scene.manifest.digest()}
                await _note(tx, acting, "model.register", made.id, {**about, "object": found.url})
        if not await self._storage.has_blob(scene.file.digest):
            raise Unavailable("The blob was removed as unused while it was being stored again.")
        return made.id

    async def _submit(
        self,
        name: MessageName,
        *,
        body: Mapping[str, object],
        project: str | None,
        publish: Iterable[str],
        epoch: int,
        frames_of: UUID | None = None,
    ) -> UUID:
        """Waits a while for a model that is being opened for the first time. ``frames_of``: the model whose frame range
        the job takes, as its first opening tells it."""
        until = time.monotonic() + self._settings.model_wait.total_seconds()
        while True:
            try:
                return await self._submit_once(
                    name, body=body, project=project, publish=publish, epoch=epoch, frames_of=frames_of
                )
            except Conflict as error:
                if error.details.get("state") != _PROBING:
                    raise
                if time.monotonic() >= until:
                    raise Later(error.message) from error
            await asyncio.sleep(self._settings.model_poll.total_seconds())

    async def _submit_once(
        self,
        name: MessageName,
        *,
        body: Mapping[str, object],
        project: str | None,
        publish: Iterable[str],
        epoch: int,
        frames_of: UUID | None = None,
    ) -> UUID:
        async with self._database.transaction() as tx:
            acting = await self._acting(tx, project, epoch)
            earlier = await take_message(tx, name)
            if earlier is not None:
                return earlier
            remedy = "The message waits in its queue until the feature is on."
            await require_feature(tx, Feature.MESSAGE_INTAKE, project_id=acting.project_id, remedy=remedy)
            if frames_of is not None:
                body = {**body, "frames": await _frames_of_scene(tx, acting.project_id, frames_of)}
            spec = self._admission.read(body)
            try:
                job = await self._admission.submit(
                    tx, project_id=acting.project_id, spec=spec, submitted_by=acting.name
                )
            except OverQuota as error:
                if _room_may_come(error, spec):
                    raise Later(error.message) from error
                raise
            targets = tuple(dict.fromkeys((*self._settings.publish, *publish)))
            await end_message(tx, name, job_id=job.id, publish=targets)
            about = {"name": spec.name, "model": str(spec.model), "frames": spec.frames[:200]}
            await _note(tx, acting, "job.submit", job.id, {**about, "queue": name.source, "message": name.message_id})
        _log.info("job submitted", action="intake.submit", job_id=str(job.id), message_id=name.message_id)
        return job.id

    async def _acting(self, tx: Transaction, project: str | None, epoch: int) -> _Acting:
        """As the API: a key of a project acts there alone, one of the whole farm in the project that is named."""
        await hold_epoch(tx, epoch)
        if (await read_maintenance(tx)).active:  # begun after the message was received
            raise UnderMaintenance("The farm is under maintenance.")
        who = await self._who(tx)
        if project is None and who.project_id is not None:
            return _Acting(who=who, project_id=who.project_id)
        slug = project or DEFAULT_PROJECT
        found = await find_project(tx, slug=slug)
        if found is None or who.project_id not in (None, found.id):
            raise NotFound(f"There is no project {slug[:80]!r}.", remedy="Leave out project, or correct it.")
        return _Acting(who=who, project_id=found.id)

    async def _who(self, tx: Transaction) -> ApiKeyIdentity:
        key = self._settings.api_key
        who = await verify_key(tx, key.get_secret_value()) if key else None
        if who is None:
            raise KeyRefused(
                "The key in RAYFARM_INTAKE_API_KEY is unknown, expired or revoked.",
                remedy="Make another, and start the farm with it; the messages wait in their queue.",
            )
        if Permission.PROJECT_RENDER not in grants_of((who.role,), scopes=who.scopes):
            raise KeyRefused(
                f"The key {who.name!r} in RAYFARM_INTAKE_API_KEY lacks the right {Permission.PROJECT_RENDER}.",
                remedy="Make one that has it; the messages wait in their queue.",
            )
        return who

    def _require_allowed(self, publish: Iterable[str]) -> None:
        if beyond := sorted(set(publish) - set(self._settings.targets)):
            raise InvalidInput(
                f"Results are not published to {beyond[0][:300]!r}.",
                field="publish",
                remedy="Name a target that RAYFARM_INTAKE_PUBLISH_ALLOWED has, or have it added.",
            )


def scene_name(key: str) -> str:
    """What a job of an object is called: its name without what no line on a screen holds."""
    last = "".join(letter if letter.isprintable() else " " for letter in key.rpartition("/")[2])
    return " ".join(last.split())[:200].strip() or "untitled"


def _room_may_come(error: OverQuota, spec: JobSpec) -> bool:
    """The queue of the project is full, and the job alone would fit."""
    limit = error.details.get("limit")
    return error.details.get("quota") == "queued_frames" and isinstance(limit, int) and len(spec.frame_range) <= limit


async def _frames_of_scene(tx: Transaction, project_id: UUID, model_id: UUID) -> str:
    row = await get_model(tx, project_id=project_id, model_id=model_id)
    if row is not None and row.state == _PROBING:
        raise Conflict("The model is still being opened for the first time.", state=_PROBING)
    probe = (row.probe if row else None) or {}
    try:
        first, last, step = int(probe["frame_start"]), int(probe["frame_end"]), int(probe.get("frame_step") or 1)
    except (KeyError, TypeError, ValueError):
        raise InvalidInput(
            "The scene's frame range is not known.", field="frames", remedy="Write frames into the rule's job."
        ) from None
    return str(first) if first == last else f"{first}-{last}{'' if step == 1 else f':{step}'}"


async def _note(tx: Transaction, acting: _Acting, action: str, id: UUID, after: dict[str, object]) -> None:
    who = acting.who
    actor = AuditActor(kind=ActorKind.KEY, id=who.id, name=who.name, role=str(who.role), user_agent="rayfarm intake")
    change = AuditChange(
        action=action,
        resource_type=action.partition(".")[0],
        resource_id=str(id),
        project_id=acting.project_id,
        after=after,
    )
    await append_audit(tx, actor=actor, change=change)
