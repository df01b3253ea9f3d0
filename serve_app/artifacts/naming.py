"""The names under which a job's files leave the farm: one answer for lists, links, archives and copies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from db.repositories.artifacts import ArtifactRow, NamesAround, names_around
from db.repositories.jobs import JobRow
from db.session import Transaction
from jobs.frames import FrameRange
from jobs.naming import (
    NamedFile,
    NamingTemplate,
    camera_and_layer,
    name_values,
    plain_path,
    require_known,
    require_short,
    show_and_shot,
)
from jobs.spec import JobSpec

_LONGEST_FRAME = -999_999_999
"""As wide as a frame's number gets, for the check of a path's length."""


class FileNames:
    """Names of one job's files."""

    def __init__(self, *, job: JobRow, around: NamesAround | None) -> None:
        self._frames = FrameRange.parse(job.spec["frames"])
        text = (job.spec.get("outputs") or {}).get("naming")
        self._template = NamingTemplate(text) if text else None
        self._values = (
            {}
            if around is None
            else name_values(
                project=around.project,
                job=job.name,
                model=around.model,
                date=job.created_at.date().isoformat(),
                spec=job.spec,
                probe=around.probe,
            )
        )

    def path(self, row: ArtifactRow) -> str:
        """Relative, with ``/``; its parts are safe on every file system."""
        frame = None if row.ordinal is None else self._frames[row.ordinal]
        file = NamedFile(kind=row.kind, name=row.name, frame=frame)
        return plain_path(file) if self._template is None else self._template.path(file, self._values)

    def filename(self, row: ArtifactRow) -> str:
        """Of a download by itself, for Content-Disposition."""
        return PurePosixPath(self.path(row)).name

    def frame(self, row: ArtifactRow) -> int | None:
        return None if row.ordinal is None else self._frames[row.ordinal]


async def names_of(tx: Transaction, job: JobRow) -> FileNames:
    """Reads what the template needs from beside the job; nothing where the job has none."""
    has_template = bool((job.spec.get("outputs") or {}).get("naming"))
    around = await names_around(tx, project_id=job.project_id, model_id=job.model_id) if has_template else None
    return FileNames(job=job, around=around)


def require_good_names(spec: JobSpec, *, probe: Mapping[str, Any] | None) -> None:
    """Refuse a template that would give two frames one name, or names what the scene does not say."""
    if spec.outputs.naming is None:
        return
    template = NamingTemplate(spec.outputs.naming)
    template.require_distinct(len(spec.frame_range))
    known = {**camera_and_layer(spec.settings, probe), **show_and_shot(spec.model_dump(include={"show", "shot"}))}
    require_known(template, known)
    values = {**known, "job": spec.name, "project": "x" * 63, "model": "x" * 200, "date": "0000-00-00"}
    require_short(template.path(NamedFile(kind="frame", name="x.jpeg", frame=_LONGEST_FRAME), values))
