"""A frame that its engine has delivered, and the files that it becomes in storage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import UUID

from opentelemetry.context import Context

from db.queue import ClaimedChunk, NewArtifact
from pipelines.base import FrameOutput, OutputFormat
from pipelines.post.pixels import PictureFacts
from storage.base import ArtifactUpload, StoredObject
from storage.keys import artifact_key

EXTRA_MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".exr": "image/x-exr",
    ".webp": "image/webp",
    ".tif": "image/tiff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedFrame:
    """A rendered frame, still in its scratch folder."""

    chunk: ClaimedChunk
    ordinal: int
    frame: int
    attempt_id: UUID
    started_at: float
    """Seconds since the epoch."""
    rendered_at: float
    """By the monotonic clock."""
    engine_ms: float
    """How long its engine had it, as this replica saw it (``EngineClock``)."""
    before_ms: Mapping[str, float]
    """``queue`` and ``load``: what passed before the frame's start."""
    output: FrameOutput
    format: OutputFormat
    frame_size: tuple[int, int] | None
    """Width and height that the picture must have; None: not known."""
    scratch: Path
    warm: bool
    last: bool
    """No other frame of this chunk is under way behind it."""
    trace: Context | None = None
    """Where its spans hang; None: it has none."""


def artifact(finished: FinishedFrame, facts: PictureFacts, upload: ArtifactUpload, stored: StoredObject) -> NewArtifact:
    """The row of a stored file."""
    is_frame = upload.source == finished.output.main
    return NewArtifact(
        kind="frame" if is_frame else "extra",
        name=_frame_name(finished) if is_frame else _extra_name(finished, upload.source),
        storage_key=upload.key,
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        media_type=upload.media_type,
        width=facts.width if is_frame else None,
        height=facts.height if is_frame else None,
    )


def uploads_of(finished: FinishedFrame) -> list[ArtifactUpload]:
    """Each file of the frame with its place in storage; the picture first."""

    def upload(source: Path, name: str, media_type: str) -> ArtifactUpload:
        key = artifact_key(
            job_id=str(finished.chunk.job_id), part=finished.ordinal, attempt=str(finished.attempt_id), filename=name
        )
        return ArtifactUpload(key=key, source=source, media_type=media_type)

    extras = [
        upload(path, f"{index:02d}-{path.name}", EXTRA_MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"))
        for index, path in enumerate(finished.output.extra)
    ]
    return [upload(finished.output.main, _frame_name(finished), finished.format.media_type), *extras]


def _extra_name(finished: FinishedFrame, source: Path) -> str:
    """Its path below the attempt's folder, with the frame's number at the end as Blender names an animation's files.

    So no two extra files of a job have one name: two nodes may name theirs alike, and one node every frame's.
    """
    inner = PurePosixPath(source.relative_to(finished.scratch))  # both real; who resolves links now may be led away
    number = re.search(r"-?\d+$", inner.stem)
    if number is None or int(number[0]) != finished.frame:
        inner = inner.with_name(f"{inner.stem}{finished.frame:04d}{inner.suffix}")
    return inner.as_posix().removeprefix("extra/")


def _frame_name(finished: FinishedFrame) -> str:
    return finished.format.file_name(finished.frame)
