# SPDX-License-Identifier: GPL-3.0-or-later
"""The threads behind the panel, and what they have told so far. They never touch Blender: all goes through a queue.

The main thread calls the public methods, each of which returns at once, and ``drain``, which takes in what came.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import FarmError, FarmRefused, Stopped
from .http import Farm, Patience
from .jobs import SHOWN, JobRow
from .places import Place
from .results import checked_id, fetch, job_folder
from .submission import Submission, submit
from .uploads import Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often the farm is asked, in seconds."""

    busy_s: float = 2.0
    """While a job goes on: one request tells of all of them."""
    longest_s: float = 60.0
    """Between questions to a farm that does not answer."""
    close_s: float = 3.0
    """Longest wait for the threads when the add-on is switched off; they die with Blender in any case."""


_ONE_TRY = Patience(first_s=0.0, later_s=0.0)
"""Of the list: its watcher has a back-off of its own, and tells at once that the farm is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Files of a job are here."""

    job_id: str
    folder: Path
    files: tuple[Path, ...]
    show: str
    """What to open: ``folder``, ``video`` or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    words: str
    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    jobs: tuple[JobRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offline:
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Submitted:
    job: JobRow
    folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed:
    error: FarmError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    words: str


_Message = Fetched | _Told | _Listed | _Offline | _Submitted | _Failed | _Ended


class Session:
    """One Blender and its farm."""

    def __init__(self, *, pace: Pace | None = None, patience: Patience | None = None) -> None:
        self._pace = pace or Pace()
        self._patience = patience
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._task_stop = threading.Event()
        self._wake = threading.Event()
        self._task: threading.Thread | None = None
        self._watcher: threading.Thread | None = None
        self._place: Place | None = None
        self._digests = Digests()
        self._home: dict[str, Path] = {}
        """Job → folder that its files are to be brought to once it is over."""
        self.words = ""
        """What the task does, or how the last one ended."""
        self.fraction = 0.0
        self.problem: FarmError | None = None
        self.offline: tuple[str, ...] = ()
        """Why the list may be old; empty: it is not."""
        self.jobs: tuple[JobRow, ...] = ()

    # --- asked for on the main thread; each returns at once -----------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        return self._task is not None

    @property
    def is_watching(self) -> bool:
        return self._watcher is not None and self._watcher.is_alive()

    def submit(self, place: Place, wish: Submission, *, bring_to: Path | None, cleanup: Callable[[], None]) -> None:
        """Upload and submit; ``cleanup`` runs on the thread when the copy is no longer needed. ``bring_to``: folder
        below which the job's files are brought once it is over."""

        def work(farm: Farm) -> _Message:
            try:
                job = submit(farm, wish, digests=self._digests, tell=self._tell)
                return _Submitted(job=JobRow.read(job), folder=bring_to)
            finally:
                cleanup()

        try:
            self._begin(place, work, words="Preparing")
        except FarmError:
            cleanup()
            raise
        self.watch(place)

    def cancel_job(self, place: Place, job_id: str) -> None:
        def work(farm: Farm) -> _Message:
            farm.json("POST", f"/v1/jobs/{checked_id(job_id)}/cancel")
            return _Ended(words="Canceled")

        self._begin(place, work, words="Canceling")
        self.watch(place)

    def fetch(self, place: Place, job_id: str, folder: Path, *, show: str) -> None:
        def work(farm: Farm) -> _Message:
            files = fetch(farm, job_id, folder, tell=self._tell)
            return Fetched(job_id=job_id, folder=folder, files=tuple(files), show=show)

        self._begin(place, work, words="Downloading")

    def stop_task(self) -> None:
        """The Cancel button beside the progress bar."""
        self._task_stop.set()

    def watch(self, place: Place) -> None:
        """List the jobs now, and go on while one of them does."""
        if self._place != place:
            self._place, self.jobs = place, ()
        self.offline = ()
        self._wake.set()
        if not self.is_watching and not self._closing.is_set():
            self._watcher = threading.Thread(target=self._watch, name="rayfarm-watch", daemon=True)
            self._watcher.start()

    def close(self) -> bool:
        """Stop the threads; True: they have ended."""
        self._closing.set()
        self._task_stop.set()
        self._wake.set()
        threads = [thread for thread in (self._task, self._watcher) if thread is not None]
        for thread in threads:
            thread.join(self._pace.close_s)
        return not any(thread.is_alive() for thread in threads)

    def drain(self) -> tuple[bool, list[Fetched]]:
        """Take in what the threads told; (whether anything came, files to show)."""
        changed = False
        fetched: list[Fetched] = []
        while True:
            try:
                message = self._messages.get_nowait()
            except queue.Empty:
                return changed, fetched
            changed = True
            self._take(message)
            if isinstance(message, Fetched):
                fetched.append(message)

    # --- on the main thread, below drain ------------------------------------------------------------------------------

    def _take(self, message: _Message) -> None:
        match message:
            case _Told(words=words, fraction=fraction):
                if self._task is not None and not self._task_stop.is_set():
                    self.words, self.fraction = words, fraction
            case _Listed(jobs=jobs):
                self.jobs, self.offline = jobs, ()
                self._bring_home()
            case _Offline(words=words):
                self.offline = words
            case _Submitted(job=job, folder=folder):
                self._end(f"Submitted {job.name}")
                self.jobs = (job, *(each for each in self.jobs if each.id != job.id))
                if folder is not None:
                    self._home[job.id] = job_folder(folder, job_id=job.id, name=job.name)
            case Fetched(files=files, folder=folder):
                self._end(f"{len(files)} file{'' if len(files) == 1 else 's'} in {folder}")
            case _Failed(error=error):
                self._end("")
                self.problem = error
            case _Ended(words=words):
                self._end(words)

    def _end(self, words: str) -> None:
        self._task = None
        self.words, self.fraction = words, 0.0

    def _bring_home(self) -> None:
        """Files of a job that was submitted here, once it is over and nothing else goes on."""
        if self._task is not None or self._place is None:
            return
        for job in self.jobs:
            if job.is_over and job.id in self._home:
                folder = self._home.pop(job.id)
                if job.done:
                    self.fetch(self._place, job.id, folder, show="")
                    return

    def _begin(self, place: Place, work: Callable[[Farm], _Message], *, words: str) -> None:
        if self._task is not None:
            raise FarmError("Something goes on already.", remedy="Wait until it is done, or cancel it.")
        if self._closing.is_set():
            raise FarmError("The add-on is being switched off.")
        self._task_stop = threading.Event()
        self.problem, self.words, self.fraction = None, words, 0.0
        farm = Farm(place, stop=self._task_stop, patience=self._patience)
        self._task = threading.Thread(target=self._run, args=(farm, work), name="rayfarm-task", daemon=True)
        self._task.start()

    # --- on the threads -----------------------------------------------------------------------------------------------

    def _tell(self, words: str, fraction: float) -> None:
        self._messages.put(_Told(words=words, fraction=fraction))

    def _run(self, farm: Farm, work: Callable[[Farm], _Message]) -> None:
        try:
            message = work(farm)
        except Stopped:
            message = _Ended(words="Stopped")
        except FarmError as error:
            message = _Failed(error=error)
        except Exception as error:  # a bug must end the task too, or the panel would wait for ever
            message = _Failed(error=FarmError(f"The add-on failed: {type(error).__name__}: {error}"))
        self._messages.put(message)
        self._wake.set()

    def _watch(self) -> None:
        """Ask for the list until no job goes on, then sleep until somebody asks for it."""
        pause_s: float | None = None
        while not self._closing.is_set():
            self._wake.clear()
            place = self._place
            if place is None:
                return
            pause_s = self._look(place, pause_s or self._pace.busy_s)
            self._wake.wait(pause_s)

    def _look(self, place: Place, before_s: float) -> float | None:
        """Seconds until the next look; None: only when asked."""
        try:
            page = Farm(place, stop=self._closing, patience=_ONE_TRY).json("GET", "/v1/jobs", query={"limit": SHOWN})
            jobs = tuple(JobRow.read(item) for item in page["items"])
        except Stopped:
            return None
        except FarmError as error:
            self._messages.put(_Offline(words=error.lines))
            if isinstance(error, FarmRefused) and error.is_about_the_key:
                return None
            return min(self._pace.longest_s, before_s * 2)
        except Exception as error:  # an answer of another program
            self._messages.put(_Offline(words=(f"The farm's answer makes no sense: {error!r}",)))
            return min(self._pace.longest_s, before_s * 2)
        if place == self._place:
            self._messages.put(_Listed(jobs=jobs))
        return None if all(job.is_over for job in jobs) else self._pace.busy_s
