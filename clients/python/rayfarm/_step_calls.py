"""Post steps: what is made of a job's finished frames, and how its files come home."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from rayfarm import downloads, uploads
from rayfarm._artifact_calls import ArtifactCalls, OnFile
from rayfarm._calls import id_of
from rayfarm.errors import ClientError, StepFailed, UsageError
from rayfarm.types import Job, Step

POLL_FIRST = timedelta(milliseconds=200)
POLL_LONGEST = timedelta(seconds=2)
"""Between two looks at a step that runs: the first wait, doubled up to the longest."""


class StepCalls(ArtifactCalls):
    """Calls of ``/v1/jobs/{id}/steps``."""

    def add_step(self, job: Job | str, step: str, **settings: Any) -> Step:
        """Have something made of finished frames: ``denoise``, ``upscale``, ``tonemap``, ``contact_sheet``,
        ``compare``, ``video``. ``frames``: of which (absent: all); ``lut``: a digest, or the ``Path`` of a `.cube`
        file, which is uploaded first. ``FarmRefused`` names a setting that the step does not have, and frames without
        a file.
        """
        if isinstance(settings.get("lut"), Path):
            [blob] = uploads.upload(self._transport, [settings["lut"]]).blobs
            settings["lut"] = blob.digest
        asked = {"step": step, **settings}
        return Step.read(self._transport.json("POST", f"/v1/jobs/{id_of(job)}/steps", json=asked))

    def steps(self, job: Job | str) -> Iterator[Step]:
        """Steps that were asked for, newest first: state, result, and why one failed."""
        return (Step.read(item) for item in self._pages(f"/v1/jobs/{id_of(job)}/steps"))

    def step(self, job: Job | str, step: Step | int) -> Step:
        """One step as it is now."""
        number = step if isinstance(step, int) else step.id
        return Step.read(self._transport.json("GET", f"/v1/jobs/{id_of(job)}/steps/{int(number)}"))

    def wait_step(self, job: Job | str, step: Step | int, *, timeout: timedelta | None = None) -> Step:
        """The step, once it is done. Raises ``StepFailed`` with the farm's words, and ``ClientError`` where ``timeout``
        is over first (the step goes on)."""
        began, pause = time.monotonic(), POLL_FIRST
        while True:
            found = self.step(job, step)
            if found.state == "done":
                return found
            if found.is_over:
                raise StepFailed(step_id=found.id, state=found.state, error=found.error)
            if timeout is not None and time.monotonic() - began > timeout.total_seconds():
                raise ClientError(f"Step {found.id} is still {found.state}.", remedy="It goes on; look again later.")
            time.sleep(pause.total_seconds())
            pause = min(pause * 2, POLL_LONGEST)

    def download_step(
        self, job: Job | str, step: Step, folder: Path | str, *, on_file: OnFile | None = None
    ) -> list[Path]:
        """Fetch the files of a step that is done into ``folder``; what is there and identical is kept."""
        lacking = dict.fromkeys(step.files)
        wanted = []
        for artifact in self.artifacts(job, kind="video" if step.step == "video" else "extra"):
            if artifact.name in lacking:
                del lacking[artifact.name]
                wanted.append((artifact, downloads.safe_destination(Path(folder), artifact.name)))
        if lacking:
            raise UsageError(
                f"The farm has {len(lacking)} of the step's files no more, such as {next(iter(lacking))}.",
                remedy="Ask for the step again.",
            )
        return self._fetch_all(wanted, on_file)
