"""The front door of the queue: registers a model, accepts a job. Either is a handful of rows, however many frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import select

from db._query import as_json, run
from db.billing.quotas import require_job_in_quotas, require_size_in_quotas, require_storage_in_quotas
from db.control import require_future
from db.dependencies import check_dependencies, insert_dependencies
from db.destinations import destination_for
from db.events import append_event
from db.licences import require_licences
from db.listen import DISPATCH
from db.model_room import require_place_for_model
from db.session import Transaction
from db.tables import JOB, MODEL
from jobs.errors import Conflict, InvalidInput, NotFound
from jobs.events import EventKind
from jobs.spec import JobSpec

_LACKING_SHOWN = 20
"""Digests that an error names; the client asks for the whole list."""


class TooManyProbes(Conflict):
    """As many models of the project wait for their first opening as this farm allows."""

    code: ClassVar[str] = "too-many-probes"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedJob:
    id: UUID
    created: bool
    """False: an earlier request with this idempotency key made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    id: UUID
    state: str
    created: bool
    """False: the project has had this version before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _NamedBlob:
    words: str
    """What an error calls it."""
    digest: str
    size_bytes: int


async def submit_job(
    tx: Transaction,
    *,
    project_id: UUID,
    spec: JobSpec,
    idempotency_key: str | None = None,
    cloned_from: UUID | None = None,
    submitted_by: str | None = None,
    pixels_per_frame: int | None = None,
    traceparent: str | None = None,
) -> SubmittedJob:
    """One job row and one range row, whatever the number of frames.

    ``submitted_by``: for people, who asked. ``traceparent``: W3C trace context of the request.

    Raises ``InvalidInput`` for a deadline that has passed, or a licence or dependency that is not there, ``NotFound``
    for a destination that is not the project's, ``Conflict`` for a dependency that has failed, ``OverQuota`` for more
    than the project may have. ``pixels_per_frame``: None where only the scene says it.
    """
    if idempotency_key is not None:
        earlier = await _find_earlier(tx, project_id, idempotency_key, spec)
        if earlier is not None:
            return earlier
    await _require_ready(tx, project_id, spec.model)
    await require_future(tx, {"start_before": spec.start_before, "finish_before": spec.finish_before})
    await require_licences(tx, spec.licences)
    state = await check_dependencies(tx, project_id=project_id, wanted=spec.depends_on)
    destination_id = await destination_for(tx, project_id=project_id, wanted=spec.deliver_to)
    total = len(spec.frame_range)
    await require_job_in_quotas(tx, project_id=project_id, frames=total, pixels_per_frame=pixels_per_frame)
    made = await run(
        tx,
        "insert_job",
        id=uuid4(),
        project_id=project_id,
        model_id=spec.model,
        name=spec.name,
        spec=as_json(spec.model_dump(mode="json")),
        priority_rank=spec.priority.rank,
        weight=spec.weight,
        total=total,
        state=state,
        max_replicas=spec.max_replicas,
        scouts=spec.approval,
        start_before=spec.start_before,
        finish_before=spec.finish_before,
        cloned_from=cloned_from,
        split_parts=spec.split.parts,
        idempotency_key=idempotency_key,
        traceparent=traceparent,
        tags=list(spec.tags),
        show=spec.show,
        shot=spec.shot,
        submitted_by=submitted_by,
        destination_id=destination_id,
    )
    job_id = made.scalar_one_or_none()
    if job_id is None:  # the same request arrived twice at once, and the other was first
        assert idempotency_key is not None
        earlier = await _find_earlier(tx, project_id, idempotency_key, spec)
        assert earlier is not None
        return earlier
    await insert_dependencies(tx, job_id=job_id, wanted=spec.depends_on)
    await run(
        tx,
        "insert_ranges",
        job_id=job_id,
        generation=1,
        priority_rank=spec.priority.rank,
        runs=as_json([{"first": 0, "count": total}]),
    )
    await append_event(
        tx,
        job_id=job_id,
        kind=EventKind.JOB_CREATED,
        data={"name": spec.name, "model": spec.model, "pipeline": spec.pipeline, "total": total},
    )
    await run(tx, "notify", channel=DISPATCH, payload="job")
    return SubmittedJob(id=job_id, created=True)


async def register_model(
    tx: Transaction,
    *,
    project_id: UUID,
    name: str,
    manifest_json: Mapping[str, Any],
    kind: str,
    digest: str,
    max_models: int,
    traceparent: str | None = None,
    max_waiting_probes: int | None = None,
) -> RegisteredModel:
    """Register a version of a model and queue its first opening; one that the project has is returned as it is.

    Where that opening failed through no fault of the model, or for chunks that did not make its files and are others
    now, it is tried again. Raises ``OverQuota`` for a manifest that the project's storage has no room for, or files in
    chunks that together are more than it may store, ``TooManyModels`` for one more than ``max_models``, and
    ``TooManyProbes`` where ``max_waiting_probes`` wait already (None: no limit) and one more would have to.
    """
    await run(tx, "no_blob_sweep")
    files = manifest_json.get("files", ())
    blobs = [blob for file in files for blob in _blobs_of(file)]
    wanted = sorted({blob.digest for blob in blobs})
    lacking = (await run(tx, "lacking_blobs", project_id=project_id, digests=wanted)).scalars().all()
    if lacking:
        raise InvalidInput(
            f"{len(lacking)} of the {len(wanted)} blobs of this manifest have not been uploaded to the project.",
            field="manifest.files",
            remedy="Upload the lacking blobs first.",
            lacking=list(lacking[:_LACKING_SHOWN]),
            lacking_count=len(lacking),
        )
    await _require_true_sizes(tx, blobs)
    await _require_room_for_cut_files(tx, project_id, files)
    manifest = as_json(manifest_json)
    known = select(MODEL.c.id, MODEL.c.state).where(MODEL.c.project_id == project_id, MODEL.c.digest == digest)
    earlier = (await tx.execute(known)).one_or_none()
    if earlier is None or earlier.state == "invalid":  # the row may be written anew
        await require_storage_in_quotas(tx, project_id=project_id, more_bytes=len(manifest.encode()))
    if earlier is None:
        await require_place_for_model(tx, project_id=project_id, limit=max_models)
    made = await run(
        tx,
        "insert_model",
        id=uuid4(),
        project_id=project_id,
        name=name,
        kind=kind,
        digest=digest,
        manifest=manifest,
    )
    model_id = made.scalar_one_or_none()
    if model_id is None:
        row = (await tx.execute(known)).one()
        if (await run(tx, "probe_again", model_id=row.id, manifest=manifest)).one_or_none() is None:
            return RegisteredModel(id=row.id, state=row.state, created=False)
        model_id, created = row.id, False
    else:
        created = True
    if max_waiting_probes is not None:
        waiting = (await run(tx, "waiting_probes", project_id=project_id)).scalar_one()
        if waiting >= max_waiting_probes:
            raise TooManyProbes(
                f"{waiting} models of the project wait for their first opening already; {max_waiting_probes} may.",
                remedy="Register this one again when some of them have been opened; what was uploaded stays.",
                limit=max_waiting_probes,
            )
    await run(tx, "insert_probe", model_id=model_id, traceparent=traceparent)
    await run(tx, "notify", channel=DISPATCH, payload="probe")
    return RegisteredModel(id=model_id, state="probing", created=created)


def _blobs_of(file: Mapping[str, Any]) -> Iterator[_NamedBlob]:
    """As ``blobs_of`` of the database has it."""
    for chunk in file.get("chunks", ()):
        words = f"The chunk {chunk['digest'][:12]}… of {file['path']}"
        yield _NamedBlob(words=words, digest=str(chunk["digest"]), size_bytes=int(chunk["size_bytes"]))
    if not file.get("chunks"):
        yield _NamedBlob(words=str(file["path"]), digest=str(file["digest"]), size_bytes=int(file["size_bytes"]))


async def _require_true_sizes(tx: Transaction, blobs: Sequence[_NamedBlob]) -> None:
    found = await run(
        tx,
        "wrong_sizes",
        paths=[blob.words for blob in blobs],
        digests=[blob.digest for blob in blobs],
        sizes=[blob.size_bytes for blob in blobs],
    )
    wrong = found.one_or_none()
    if wrong is not None:
        raise InvalidInput(
            f"{wrong.path} has {wrong.stored_bytes} bytes, and {wrong.size_bytes} in the manifest.",
            field="manifest.files",
            remedy="Write size_bytes and digest of the same file into the manifest, or upload the changed file.",
        )


async def _require_room_for_cut_files(tx: Transaction, project_id: UUID, files: Sequence[Mapping[str, Any]]) -> None:
    """One stored chunk may be named a thousand times: without this, a megabyte would fill the disks of all workers."""
    total = sum(int(file["size_bytes"]) for file in files if file.get("chunks"))
    if total:
        await require_size_in_quotas(tx, project_id=project_id, size_bytes=total)


async def _require_ready(tx: Transaction, project_id: UUID, model_id: UUID) -> None:
    query = select(MODEL.c.state).where(MODEL.c.id == model_id, MODEL.c.project_id == project_id)
    state = (await tx.execute(query)).scalar_one_or_none()
    if state is None:
        raise NotFound("There is no such model in this project.", model=str(model_id))
    if state != "ready":
        raise Conflict(
            f"The model is {state}, so it cannot be rendered.",
            remedy="Wait until it is ready."
            if state == "probing"
            else "See the model's problem, and register it again.",
            state=state,
        )


async def _find_earlier(tx: Transaction, project_id: UUID, key: str, spec: JobSpec) -> SubmittedJob | None:
    query = select(JOB.c.id, JOB.c.spec).where(JOB.c.project_id == project_id, JOB.c.idempotency_key == key)
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    if not _is_same(row.spec, spec):
        raise Conflict(
            "This idempotency key was used for another job.",
            remedy="Use a new key for each new request.",
            job=str(row.id),
        )
    return SubmittedJob(id=row.id, created=False)


def _is_same(stored: Mapping[str, Any], spec: JobSpec) -> bool:
    """Whether both ask for the same. A field that the farm has had only since then counts with its default."""
    plain = JobSpec(model=spec.model, frames=spec.frames).model_dump(mode="json")
    return {**plain, **stored} == spec.model_dump(mode="json")
