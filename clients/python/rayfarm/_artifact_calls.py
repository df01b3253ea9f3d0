"""Artifacts of jobs: listed, and brought home."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

from rayfarm import downloads
from rayfarm._calls import PAGE, Calls, id_of
from rayfarm._ids import require_id
from rayfarm.types import Artifact, Job

PARALLEL_DOWNLOADS = 4

OnFile = Callable[[Path, downloads.Fetched], None]
"""Called with each file that is there, and whether it had to be fetched; from several threads."""


class ArtifactCalls(Calls):
    """Calls of ``/v1/jobs/{id}/artifacts`` and ``/v1/artifacts``."""

    def artifacts(self, job: Job | str, *, kind: str | None = None) -> Iterator[Artifact]:
        return (Artifact.read(item) for item in self._pages(f"/v1/jobs/{id_of(job)}/artifacts", params={"kind": kind}))

    def artifacts_page(self, job: Job | str, *, cursor: str | None = None) -> tuple[list[Artifact], str | None]:
        """One page, oldest first, and the cursor of the next one (None: this is the last so far)."""
        answer = self._transport.json(
            "GET", f"/v1/jobs/{id_of(job)}/artifacts", params={"limit": PAGE, "cursor": cursor}
        )
        return [Artifact.read(item) for item in answer["items"]], answer.get("next_cursor")

    def artifact(self, artifact_id: str) -> Artifact:
        """One artifact with a fresh link."""
        return Artifact.read(self._transport.json("GET", f"/v1/artifacts/{require_id(artifact_id, what='artifact')}"))

    def fetch(self, artifact: Artifact, destination: Path) -> downloads.Fetched:
        """Fetch one artifact, atomically and verified; an identical file there is kept, and said so."""
        return downloads.download(self._transport, artifact, destination, refresh=lambda: self.artifact(artifact.id))

    def download(
        self,
        job: Job | str,
        folder: Path | str,
        *,
        kinds: Sequence[str] = ("frame", "extra", "video"),
        on_file: OnFile | None = None,
    ) -> list[Path]:
        """Fetch all outputs that the job has now into ``folder``; what is there and identical is kept."""
        root = Path(folder)
        wanted = [artifact for artifact in self.artifacts(job) if artifact.kind in kinds and artifact.url]
        return self._fetch_all([(artifact, downloads.destination_of(root, artifact)) for artifact in wanted], on_file)

    def archive(self, job: Job | str, destination: Path | str, *, kinds: Sequence[str] = ()) -> int:
        """All outputs that the job has now as one ZIP, whole or not at all; its bytes. ``kinds``: only those. It cannot
        be resumed: ``download`` can. Raises ``FarmRefused``, ``FarmUnreachable`` or ``UsageError``."""
        query = f"?{urlencode({'kind': list(kinds)}, doseq=True)}" if kinds else ""
        return downloads.save(self._transport, f"/v1/jobs/{id_of(job)}/archive{query}", Path(destination))

    def _fetch_all(self, wanted: Iterable[tuple[Artifact, Path]], on_file: OnFile | None) -> list[Path]:
        """Several at once; paths in the order that was given."""

        def one(item: tuple[Artifact, Path]) -> Path:
            artifact, destination = item
            fetched = self.fetch(artifact, destination)
            if on_file:
                on_file(destination, fetched)
            return destination

        with ThreadPoolExecutor(PARALLEL_DOWNLOADS, thread_name_prefix="rayfarm-download") as pool:
            return list(pool.map(one, wanted))
