"""What the intake needs of the farm's front door: the admission of a job, the same as over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from db.session import Transaction
from db.submit import SubmittedJob
from jobs.spec import JobSpec


class Admission(Protocol):
    """Reads, checks and submits jobs. Both methods raise ``RayfarmError`` with what a client of the API would read."""

    def read(self, body: Mapping[str, Any]) -> JobSpec:
        """The specification that the body of ``POST /v1/jobs`` is."""
        ...

    async def submit(self, tx: Transaction, *, project_id: UUID, spec: JobSpec, submitted_by: str) -> SubmittedJob:
        """Check it against its model, pipeline and quotas, and write the job. ``submitted_by``: for people."""
        ...
