"""Whether a job can be rendered at all: refused here, before a GPU is spent on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from jobs.errors import Conflict, InvalidInput, TooLarge
from jobs.fingerprint import canonical_json
from jobs.frames import FrameRange
from jobs.limits import FarmLimits
from jobs.spec import MAX_LABELS, JobLimits, JobSpec, Split, SplitMode
from models.errors import ModelUnusable
from models.kinds import ModelKind
from pipelines.base import ChecksFrames, Pipeline, SettlesByScene, SizedByScene, SplitsByScene
from pipelines.film_sound import why_silent
from pipelines.registry import get_pipeline, pipelines_of_kind
from serve_app.models.schemas import ModelState
from serve_app.validation import check_against, require_storable

_SHOWN_FILES = 5
"""Missing files named in one sentence; the details have them all."""


class ModelNotReady(Conflict):
    """The model is still being opened for the first time."""

    code = "model-not-ready"


class ModelIncomplete(Conflict):
    """The model refers to files that it does not hold."""

    code = "model-incomplete"


def with_pipeline(spec: JobSpec, *, kind: str) -> JobSpec:
    """The spec with the pipeline that takes a model of this kind."""
    return spec.model_copy(update={"pipeline": ModelKind(kind).pipeline})


def checked_spec(spec: JobSpec, *, limits: FarmLimits, max_bytes: int) -> JobSpec:
    """The spec with its pipeline's settings and its limits validated. Raises ``InvalidInput`` or ``TooLarge``."""
    pipeline = get_pipeline(spec.pipeline)
    FrameRange.parse(spec.frames, limit=limits.max_frames_per_job)
    normal = checked_settings(pipeline, settings=spec.settings, split=spec.split)
    checked = spec.model_copy(
        update={
            "settings": normal,
            "limits": _checked_limits(spec.limits, farm=limits),
            "labels": _with_required(spec.labels, required_labels(spec.pipeline, normal)),
        }
    )
    for name, value in checked.model_dump().items():
        require_storable(value, field=name)
    require_short(checked.model_dump(mode="json"), max_bytes=max_bytes)
    return checked


def settled_spec(spec: JobSpec, *, probe: Mapping[str, Any] | None) -> JobSpec:
    """A checked spec with the settings that follow from its model where the job leaves them out."""
    pipeline = get_pipeline(spec.pipeline)
    if probe is None or not isinstance(pipeline, SettlesByScene):
        return spec
    settings = pipeline.settled(pipeline.settings_type.model_validate(spec.settings), probe)
    return spec.model_copy(update={"settings": settings.model_dump(mode="json", exclude_unset=True)})


def pixels_per_frame(spec: JobSpec, *, probe: Mapping[str, Any] | None) -> int | None:
    """Pixels of a whole frame of a checked spec; None where neither the settings nor the probe say it."""
    pipeline = get_pipeline(spec.pipeline)
    settings = pipeline.settings_type.model_validate(spec.settings)
    size = pipeline.frame_size(settings)
    if size is None and isinstance(pipeline, SizedByScene):
        size = pipeline.scene_frame_size(settings, probe or {})
    return None if size is None else size[0] * size[1]


def require_short(specification: Mapping[str, Any], *, max_bytes: int) -> None:
    """Raises ``TooLarge`` for what of a job would not be stored."""
    size_bytes = len(canonical_json(specification))
    if size_bytes > max_bytes:
        raise TooLarge(
            f"The job's specification is {size_bytes} bytes long; {max_bytes} are allowed.",
            remedy="Shorten its labels, settings or frame list, or split the job.",
            limit_bytes=max_bytes,
        )


def checked_settings(pipeline: Pipeline, *, settings: Mapping[str, Any], split: Split) -> dict[str, Any]:
    """The settings as they would be stored. ``InvalidInput`` for one that the pipeline does not take, or for a split
    that it cannot do with them."""
    checked = check_against(pipeline.settings_type, settings, field="settings", what=f"settings of {pipeline.name}")
    _require_splittable(pipeline, checked, split)
    return checked.model_dump(mode="json", exclude_unset=True)


def required_labels(pipeline: str, settings: Mapping[str, Any]) -> Mapping[str, str]:
    """What settings, as they are stored, ask of a replica's labels."""
    known = get_pipeline(pipeline)
    return known.required_labels(known.settings_type.model_validate(settings))


def require_renderable(
    *,
    spec: JobSpec,
    kind: str,
    state: str,
    probe: Mapping[str, Any] | None,
    problem: Mapping[str, Any] | None,
    missing: list[Any],
) -> None:
    """Refuse a model that is not ready, that the pipeline does not take, or that lacks what the settings name."""
    model = f"/v1/models/{spec.model}"
    match state:
        case ModelState.PROBING:
            raise ModelNotReady(remedy=f"Wait for it: GET {model}?wait=30.", state=state)
        case ModelState.INCOMPLETE:
            raise ModelIncomplete(
                f"The model refers to {len(missing)} files that it does not hold{_named(missing)}.",
                remedy="Upload them and register the model again with all of them in its manifest.",
                state=state,
                missing=missing,
            )
        case ModelState.INVALID:
            why = str((problem or {}).get("message") or (problem or {}).get("detail") or "")
            raise ModelUnusable(
                f"The model cannot be rendered. {why}".strip(),
                remedy=str((problem or {}).get("remedy") or f"Its problem stands at {model}; correct the scene."),
                state=state,
                problem=dict(problem or {}),
            )
    taken = get_pipeline(spec.pipeline).model_kinds
    if kind not in taken:
        raise InvalidInput(
            f"Pipeline {spec.pipeline} does not take a model of kind {kind}.",
            field="pipeline",
            remedy=f"It takes: {', '.join(sorted(taken))}. A model of kind {kind} is for "
            f"{' or '.join(pipelines_of_kind(kind))}; without a pipeline it goes to {ModelKind(kind).pipeline}.",
        )
    if probe is not None:
        _require_fitting(spec, probe)


def _named(missing: Sequence[Mapping[str, Any]]) -> str:
    """The first of the missing files, as the scene names them."""
    names = [str(file.get("raw") or "") for file in missing[:_SHOWN_FILES]]
    rest = f" and {len(missing) - len(names)} more" if len(missing) > len(names) else ""
    return f": {', '.join(names)}{rest}" if names else ""


def _with_required(asked: Mapping[str, str], required: Mapping[str, str]) -> dict[str, str]:
    """The job's labels with those that its settings ask for. One that says otherwise is refused."""
    for key, value in required.items():
        if asked.get(key, value) != value:
            raise InvalidInput(
                f"The job asks for the label {key}={asked[key]}, and its settings for {key}={value}.",
                field=f"labels.{key}",
                remedy="Leave the label out, or change the setting that asks for that device.",
            )
    labels = {**asked, **required}
    if len(labels) > MAX_LABELS:
        raise InvalidInput(
            f"The job has {len(asked)} labels, and its settings ask for {', '.join(sorted(required))} beside them; "
            f"{MAX_LABELS} are allowed in all.",
            field="labels",
            remedy="Ask for fewer labels.",
        )
    return labels


def _checked_limits(asked: JobLimits, *, farm: FarmLimits) -> JobLimits:
    """The job's limits, with a longest frame that the farm allows."""
    longest_s = farm.max_frame_timeout.total_seconds()
    if asked.frame_timeout_s <= longest_s:
        return asked
    if "frame_timeout_s" not in asked.model_fields_set:  # a farm with a lower limit still takes a job that names none
        return asked.model_copy(update={"frame_timeout_s": longest_s})
    raise TooLarge(
        f"limits.frame_timeout_s is {asked.frame_timeout_s:.10g}; a frame may take {longest_s:.10g} s on this farm.",
        field="limits.frame_timeout_s",
        remedy=f"Ask for {longest_s:.10g} or less, or have the farm's RAYFARM_LIMITS_MAX_FRAME_TIMEOUT raised "
        "(its RAYFARM_CLUSTER_DRAIN_TIMEOUT has to stay above it).",
        limit=longest_s,
        setting="RAYFARM_LIMITS_MAX_FRAME_TIMEOUT",
    )


def _require_splittable(pipeline: Pipeline, settings: BaseModel, split: Split) -> None:
    """The pipeline can share out one frame as the job asks, with these settings."""
    if split.mode is SplitMode.NONE:
        return
    if split.mode not in pipeline.split_modes:
        able = ", ".join(sorted(pipeline.split_modes))
        raise InvalidInput(
            f"Pipeline {pipeline.name} cannot split a frame by {split.mode}.",
            field="split.mode",
            remedy=f"It can split by: {able}; or leave split out."
            if able
            else "It renders frames whole: leave it out.",
            split_modes=sorted(pipeline.split_modes),
        )
    pipeline.check_split(settings, split)


def _require_fitting(spec: JobSpec, probe: Mapping[str, Any]) -> None:
    """What the settings leave to the scene must be possible too."""
    pipeline = get_pipeline(spec.pipeline)
    settings = pipeline.settings_type.model_validate(spec.settings)
    if isinstance(pipeline, SplitsByScene):
        pipeline.check_scene_split(settings, spec.split, probe)
    _require_sound(spec, pipeline, probe)
    try:
        pipeline.check_scene(settings, probe)
    except ValueError as error:
        raise InvalidInput(
            f"The scene cannot be rendered with these settings: {error}.",
            field="settings",
            remedy="Set in the job's settings what the scene has too large, or correct the scene.",
        ) from error
    if isinstance(pipeline, ChecksFrames):
        pipeline.check_frames(settings, probe, spec.frame_range)


def _require_sound(spec: JobSpec, pipeline: Pipeline, probe: Mapping[str, Any]) -> None:
    """A film that must have the scene's sound can have it, if all its frames are rendered."""
    video = spec.video
    if video is None or video.audio != "scene":
        return
    fps = video.fps or float(probe.get("fps") or 0) or 1.0
    silent = why_silent(pipeline, probe, numbers=list(spec.frame_range), fps=fps)
    if silent is not None:
        raise InvalidInput(
            f"The film cannot have the scene's sound: {silent}.",
            field="outputs.video.audio",
            remedy="Ask for `auto`, which makes a silent film then, or `none`.",
        )
