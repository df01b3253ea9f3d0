"""One frame, wanted as a picture: what Accept asks for, whether the job can be that, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.responses import RedirectResponse, Response, StreamingResponse

from db.repositories.artifacts import ArtifactRow, frame_artifacts
from db.repositories.frames import get_frame
from db.session import Transaction
from jobs.errors import InvalidInput
from jobs.spec import JobSpec, PriorityClass
from pipelines.base import Pipeline
from pipelines.pictures import OUTPUTS
from pipelines.registry import get_pipeline
from serve_app.accept import accepted_ranges, best_range
from serve_app.artifacts.ranges import etag_of
from serve_app.jobs.admission import checked_settings
from serve_app.jobs.service import require_job
from serve_app.problems import NotAcceptable, RenderFailed
from serve_app.services import ApiServices
from storage.disposition import content_disposition

PICTURES = tuple(output.media_type for output in OUTPUTS.values())
"""Media types that a still may have, as far as its pipeline makes them."""

_FORMAT = "format"
"""The setting that names the file format, of every pipeline that has several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What ``Accept`` (RFC 9110, 12.5.1) leaves open."""

    pictures: tuple[str, ...]
    """Media types of pictures that are preferred to a description of the job, the best first; empty: none is."""
    description: bool
    """Whether a description of the job (JSON) will do."""


def read_accept(header: str | None) -> Accepted:
    """Raises ``NotAcceptable`` where neither a picture nor JSON will do. Without a header anything will: JSON."""
    if header is None or not header.strip():
        return Accepted(pictures=(), description=True)
    ranges = list(accepted_ranges(header))
    json_quality, json_place = best_range("application/json", ranges)
    wishes = []
    for media_type in PICTURES:
        quality, place = best_range(media_type, ranges)
        if quality > 0 and ranges[place][0] != "*/*" and (-quality, place) < (-json_quality, json_place):
            wishes.append((-quality, place, PICTURES.index(media_type), media_type))
    if not wishes and json_quality <= 0:
        raise NotAcceptable(
            f"A job is answered with JSON, or with a picture where it is one frame; Accept is {header[:200]!r}.",
            remedy=f"Accept application/json, or one of {', '.join(PICTURES)}.",
            acceptable=["application/json", *PICTURES],
        )
    return Accepted(pictures=tuple(wish[-1] for wish in sorted(wishes)), description=json_quality > 0)


def as_still(spec: JobSpec, accepted: Accepted) -> JobSpec | None:
    """The job as a still: soon, and in an accepted format where its settings leave that open. None: it is answered with
    its description instead. ``spec`` names its pipeline.

    Raises ``NotAcceptable`` where no description will do, and what ``checked_settings`` raises.
    """
    if len(spec.frame_range) != 1:
        if accepted.description:
            return None
        raise NotAcceptable(
            f"A picture is of one frame, and this job has {len(spec.frame_range)}.",
            remedy="Ask for one frame, or accept application/json.",
            acceptable=["application/json"],
        )
    if "priority" not in spec.model_fields_set:
        spec = spec.model_copy(update={"priority": PriorityClass.INTERACTIVE})
    pipeline = get_pipeline(spec.pipeline)
    made = _media_type(pipeline, spec)
    if made in accepted.pictures:
        return spec
    if _FORMAT in pipeline.settings_type.model_fields and _FORMAT not in spec.settings:
        for name in sorted(OUTPUTS, key=lambda name: _place(OUTPUTS[name].media_type, accepted.pictures)):
            wish = spec.model_copy(update={"settings": {**spec.settings, _FORMAT: name}})
            if OUTPUTS[name].media_type in accepted.pictures and _takes(pipeline, wish):
                return wish
    if accepted.description:
        return None
    raise NotAcceptable(
        f"The picture of this job is {made}; Accept names {', '.join(accepted.pictures)}.",
        remedy=f"Accept {made}, or set settings.{_FORMAT} to another one that the pipeline has.",
        acceptable=[made],
    )


async def picture_of(tx: Transaction, *, job_id: UUID) -> ArtifactRow | None:
    """The picture of the only frame of a job; None: it is not there (yet)."""
    found = await frame_artifacts(tx, job_id=job_id, ordinals=[0])
    return found[0] if found else None


async def why_none(tx: Transaction, *, project_id: UUID, job_id: UUID) -> RenderFailed | None:
    """Why a job of one frame has no picture; None: it may still get one."""
    job = await require_job(tx, project_id=project_id, job_id=job_id)
    if not job.state.is_terminal:
        return None
    frame = await get_frame(tx, job=job, ordinal=0)
    reason = frame.end_reason or job.end_reason
    words = frame.message or job.message or (reason.facts.words if reason else "")
    return RenderFailed(
        f"Frame {frame.frame} was not rendered: the job is {job.state}. {words}".strip(),
        remedy=f"GET /v1/jobs/{job.id}/frames/{frame.frame}/attempts has every try with the engine's log.",
        job=str(job.id),
        frame=frame.frame,
        end_reason=str(reason) if reason else None,
        retryable=reason is not None and reason.facts.retryable,
    )


def picture_answer(picture: ArtifactRow, *, services: ApiServices, public_url: str, whole: bool) -> Response:
    """The bytes (``whole``) or 303 to their signed link; either names the job in ``Link`` (RFC 8288)."""
    headers = {
        "Link": f'</v1/jobs/{picture.job_id}>; rel="describedby"',
        "Content-Location": f"/v1/artifacts/{picture.id}/content",
        "Vary": "Accept, Prefer",
    }
    if whole:
        headers |= {
            "ETag": etag_of(picture.sha256),
            "Content-Length": str(picture.size_bytes),
            "Content-Disposition": content_disposition(picture.name),
        }
        content = services.sent_bytes.counted(picture.storage_key, services.storage.stream(picture.storage_key))
        return StreamingResponse(content, headers=headers, media_type=picture.media_type)
    url = services.storage.download_url(
        picture.storage_key,
        expires_in=services.settings.link_lifetime,
        filename=picture.name,
        media_type=picture.media_type,
    )
    return RedirectResponse(f"{public_url}{url}" if url.startswith("/") else url, status_code=303, headers=headers)


def _media_type(pipeline: Pipeline, spec: JobSpec) -> str:
    normal = checked_settings(pipeline, settings=spec.settings, split=spec.split)
    return pipeline.output(pipeline.settings_type.model_validate(normal)).media_type


def _takes(pipeline: Pipeline, spec: JobSpec) -> bool:
    try:
        _media_type(pipeline, spec)
    except InvalidInput:
        return False
    return True


def _place(media_type: str, pictures: Sequence[str]) -> int:
    return pictures.index(media_type) if media_type in pictures else len(pictures)
