"""Keeps a folder like a job's outputs: brings what is missing, as it lands, and never shows half a file.

A file has its own name only when it is whole and its digest is the farm's; until then it is a hidden ``.part`` beside
it, from which the next run goes on. Nothing is ever deleted: a folder that other programs watch is theirs too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rayfarm._artifact_calls import PARALLEL_DOWNLOADS
from rayfarm.client import Client
from rayfarm.downloads import Fetched, destination_of
from rayfarm.errors import FarmRefused
from rayfarm.types import Artifact, Job

BRINGS_FILES = frozenset({"frames.committed", "frames.reused", "output.ready"})
"""Events behind which there may be new files."""

_GONE = (404, 410)

OnFile = Callable[[Path, Artifact, Fetched], None]
"""Called with each file that is there; from several threads."""


@dataclass(slots=True)
class Synced:
    """What a run came to."""

    downloaded: int = 0
    same: int = 0
    """There already, and identical."""
    gone: int = 0
    """No longer at the farm when their turn came: replaced by a newer one, or expired."""
    bytes_downloaded: int = 0
    files: list[Path] = field(default_factory=list)


class FolderSync:
    """One job, one folder."""

    def __init__(
        self,
        *,
        client: Client,
        job: Job | str,
        folder: Path,
        kinds: Sequence[str] = ("frame", "extra", "video"),
        on_file: OnFile | None = None,
    ) -> None:
        self._client = client
        self._job = job
        self._folder = folder
        self._kinds = frozenset(kinds)
        self._on_file = on_file
        self._lock = threading.Lock()
        self._done: dict[Path, str] = {}
        """Path → digest of what this run has put or found there."""
        self._cursor: str | None = None
        self.result = Synced()

    def once(self) -> Synced:
        """All that the job has now."""
        self._bring(from_start=True)
        return self.result

    def watch(self) -> Synced:
        """What the job has, and what it makes until it is over. A failure of the download ends it at once."""
        news, over = threading.Event(), threading.Event()
        failures: list[BaseException] = []
        thread = threading.Thread(
            target=self._listen, args=(news, over, failures), name="rayfarm-sync-events", daemon=True
        )
        thread.start()  # a daemon: it waits for the farm, and must not hold up the end of the program (Ctrl-C)
        self._bring(from_start=True)
        while not over.is_set():
            news.wait()
            news.clear()
            if not over.is_set():
                self._bring(from_start=False)
        if failures:
            raise failures[0]
        self._bring(from_start=True)  # a commit may have become visible behind a later one: look at all of them
        return self.result

    def _listen(self, news: threading.Event, over: threading.Event, failures: list[BaseException]) -> None:
        try:
            for event in self._client.watch(self._job):
                if event.kind in BRINGS_FILES:
                    news.set()
        except BaseException as error:  # of whatever kind: a watch that broke has not seen the end of the job
            failures.append(error)
        finally:
            over.set()
            news.set()

    def _bring(self, *, from_start: bool) -> None:
        """One listing, of all pages or from the last one that was seen, and whatever of it is not here."""
        cursor = None if from_start else self._cursor
        while True:
            page, following = self._client.artifacts_page(self._job, cursor=cursor)
            self._bring_page([artifact for artifact in page if artifact.kind in self._kinds and artifact.url])
            if following is None:
                self._cursor = cursor
                return
            cursor = following

    def _bring_page(self, artifacts: Sequence[Artifact]) -> None:
        wanted: dict[Path, Artifact] = {}
        for artifact in artifacts:
            # Of two with one place the later stands, and they are never fetched side by side.
            wanted[destination_of(self._folder, artifact)] = artifact
        missing = [(path, artifact) for path, artifact in wanted.items() if self._done.get(path) != artifact.sha256]
        with ThreadPoolExecutor(PARALLEL_DOWNLOADS, thread_name_prefix="rayfarm-sync") as pool:
            try:
                for _ in pool.map(lambda item: self._bring_one(*item), missing):
                    pass
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _bring_one(self, path: Path, artifact: Artifact) -> None:
        try:
            fetched = self._client.fetch(artifact, path)
        except FarmRefused as error:
            if error.status not in _GONE:
                raise
            with self._lock:
                self.result.gone += 1
            return
        with self._lock:
            if path not in self._done:
                self.result.files.append(path)
            self._done[path] = artifact.sha256
            if fetched is Fetched.SAME:
                self.result.same += 1
            else:
                self.result.downloaded += 1
                self.result.bytes_downloaded += artifact.size_bytes
        if self._on_file:
            self._on_file(path, artifact, fetched)
