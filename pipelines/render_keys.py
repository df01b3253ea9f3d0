"""The render key of a job: what the fingerprints of its frames share, from its spec and the engine that renders it."""

from __future__ import annotations

from jobs.fingerprint import RenderInputs, render_key
from jobs.spec import JobSpec
from pipelines.registry import get_pipeline


def render_key_of(spec: JobSpec, *, model_digest: str, engine_version: str, device_class: str) -> str:
    """Hex SHA-256. Raises ``ValidationError`` where the pipeline of this release does not take the spec's settings."""
    pipeline = get_pipeline(spec.pipeline)
    settings = pipeline.settings_type.model_validate(spec.settings)
    return render_key(
        RenderInputs(
            model_digest=model_digest,
            pipeline=spec.pipeline,
            engine_version=engine_version,
            device_class=device_class,
            settings={**pipeline.pixel_settings(settings), "seed": pipeline.seed_of(settings)},
            split=str(spec.split),
        )
    )
