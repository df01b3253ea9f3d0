"""Jobs that come in messages: admitted by the same functions as those that come over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from db.session import Transaction
from db.submit import SubmittedJob
from jobs.limits import FarmLimits
from jobs.mail import MailSettings
from jobs.spec import JobSpec
from serve_app.jobs.service import submit_admitted
from serve_app.settings import ApiSettings
from serve_app.validation import check_against


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageAdmission:
    """See ``cluster.intake.ports.Admission``. Its limits are those of the API, from the same variables."""

    limits: FarmLimits = field(default_factory=FarmLimits)
    settings: ApiSettings = field(default_factory=ApiSettings)
    mail: MailSettings = field(default_factory=MailSettings)

    def read(self, body: Mapping[str, Any]) -> JobSpec:
        return check_against(JobSpec, body, field="", what="fields of the job")

    async def submit(self, tx: Transaction, *, project_id: UUID, spec: JobSpec, submitted_by: str) -> SubmittedJob:
        return await submit_admitted(tx, self, project_id=project_id, spec=spec, submitted_by=submitted_by)
