"""The version of a job: one half for what a person may change of it, the other for all that moves by itself."""

from __future__ import annotations

from serve_app.conditional import Version, digest_of
from serve_app.jobs.schemas import JobChanges, JobDetail

_CHANGEABLE = set(JobChanges.model_fields)

_NO_VERSION = {"spec", "links", "frames_per_second"}
"""The first never changes, the second follows from the state, and the third moves with the clock alone."""


def version_of(job: JobDetail) -> Version:
    return Version(
        revision=digest_of(job.model_dump_json(include=_CHANGEABLE)),
        content=digest_of(job.model_dump_json(exclude=_NO_VERSION)),
    )
