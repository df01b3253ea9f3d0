"""What people do meanwhile: submit jobs of every kind through the SDK, pause, resume, cancel, requeue, retry them."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from rayfarm import Client
from rayfarm.errors import ClientError, FarmRefused

OPEN_JOBS = 5
"""Of one project at a time: enough that every replica has work of several, few enough that the end is soon."""
_BETWEEN_ACTS_S = 0.7
_ENDED = ("succeeded", "failed", "canceled")


@dataclass
class Ordered:
    """One job as it was asked for."""

    kind: str
    spec: dict[str, Any]
    frames: int
    key: str = field(default_factory=lambda: uuid4().hex)
    """Of its submit, however often that is repeated."""
    id: str | None = None
    touched: set[str] = field(default_factory=set)
    """Commands that it was sent, whether or not the farm heard them."""


class Traffic(threading.Thread):
    """One project's people, until ``stop``; then ``settle`` lets every job go on to its end."""

    def __init__(self, *, name: str, client: Client, model: str, chance: random.Random) -> None:
        super().__init__(name=f"traffic-{name}", daemon=True)
        self.project = name
        self.jobs: list[Ordered] = []
        self.told: Counter[str] = Counter()
        """How calls ended: ``ok``, ``refused 409``, ``unreachable``."""
        self.wrong: list[str] = []
        """Answers that no state of the farm excuses."""
        self._client, self._model, self._chance = client, model, chance
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._chance.uniform(0, 2 * _BETWEEN_ACTS_S)):
            try:
                self._act()
            except Exception as error:
                self.wrong.append(f"{self.project}: {type(error).__name__}: {error}")
                return

    def stop(self) -> None:
        self._over.set()

    def _act(self) -> None:
        waiting = [job for job in self.jobs if job.id is None]
        if waiting:
            self._submit(waiting[0])
            return
        open_jobs = self._open()
        if open_jobs is None:
            return
        if len(open_jobs) < OPEN_JOBS:
            job = self._draw()
            self.jobs.append(job)
            self._submit(job)
            return
        self._meddle(self._chance.choice(open_jobs[:-1]))  # the youngest gets its chance

    def settle(self) -> list[Ordered]:
        """Submit what was not heard, resume and approve what waits for people; the jobs that have not ended."""
        for job in [job for job in self.jobs if job.id is None]:
            self._submit(job)
        left = self._open()
        if left is None:
            return self.jobs
        for job in left:
            state = self._call(lambda job=job: self._client.job(str(job.id)).state)
            if state == "paused":
                self._call(lambda job=job: self._client.resume(str(job.id)))
            elif state == "awaiting_approval":
                self._call(lambda job=job: self._client.approve(str(job.id)))
        return left + [job for job in self.jobs if job.id is None]

    def _open(self) -> list[Ordered] | None:
        """Jobs that have not ended, oldest first; None: the farm cannot be asked."""
        states = self._call(lambda: {job.id: job.state for job in self._client.jobs()})
        if states is None:
            return None
        lost = [job for job in self.jobs if job.id is not None and job.id not in states]
        self.wrong += [f"{self.project}: job {job.id} was accepted, and is not listed" for job in lost]
        return [job for job in self.jobs if job.id is not None and states.get(job.id) not in _ENDED]

    def _submit(self, job: Ordered) -> None:
        try:
            job.id = self._client.submit(self._model, idempotency_key=job.key, **job.spec).id
        except FarmRefused as error:
            self.told[f"refused {error.status}"] += 1
            self.jobs.remove(job)
            if error.status != 409 or job.kind != "behind":  # which may come behind a job that was canceled
                self.wrong.append(f"{self.project}: submit of {job.kind}: {error.status} {error}")
        except ClientError:
            self.told["unreachable"] += 1
        else:
            self.told["ok"] += 1

    def _meddle(self, job: Ordered) -> None:
        first, last = sorted(self._chance.choices(range(1, job.frames + 1), k=2))
        frames = f"{first}-{last}"
        commands = {
            "pause": lambda: self._client.pause(str(job.id)),
            "resume": lambda: self._client.resume(str(job.id)),
            "approve": lambda: self._client.approve(str(job.id)),
            "cancel": lambda: self._client.cancel(str(job.id)),
            "retry": lambda: self._client.retry(str(job.id)),
            "requeue": lambda: self._client.requeue(str(job.id), frames),
            "skip": lambda: self._client.skip(str(job.id), frames),
            "change": lambda: self._client.change(str(job.id), priority=self._chance.choice(("normal", "batch"))),
        }
        weights = {"pause": 4, "resume": 5, "approve": 4, "cancel": 1, "retry": 2, "requeue": 2, "skip": 1, "change": 2}
        verb = self._chance.choices(list(commands), [weights[name] for name in commands])[0]
        job.touched.add(verb)
        self._call(commands[verb])

    def _call(self, ask: Any) -> Any:
        """Its answer; None where the farm was away or its state does not allow it."""
        try:
            answer = ask()
        except FarmRefused as error:
            self.told[f"refused {error.status}"] += 1
            if error.status != 409:
                self.wrong.append(f"{self.project}: {error.status} {error.problem_code}: {error}")
            return None
        except ClientError:
            self.told["unreachable"] += 1
            return None
        self.told["ok"] += 1
        return answer

    def _draw(self) -> Ordered:
        kind = self._chance.choice(("plain", "plain", "long", "split", "film", "reuse", "faulty", "approval", "behind"))
        settings: dict[str, Any] = {"render_ms": self._chance.choice((100, 200, 300, 500)), "width": 16, "height": 16}
        settings["seed"] = self._chance.randrange(2**31)
        spec: dict[str, Any] = {"reuse": False, "outputs": {"video": None}, "name": kind}
        frames = self._chance.randint(6, 24)
        match kind:
            case "long":
                frames = self._chance.randint(40, 80)
                settings["render_ms"] = 100
            case "split":
                frames = self._chance.randint(2, 6)
                settings["samples"] = 8
                mode = self._chance.choice(("borders", "samples"))
                spec["split"] = {"mode": mode, "parts": self._chance.randint(2, 4)}
            case "film":
                spec["outputs"] = {"video": {"fps": 24, "preview": "none"}}
            case "reuse":
                settings |= {"seed": self._chance.randint(1, 3), "render_ms": 100}
                spec["reuse"] = True
            case "faulty":
                fault = {"frame": self._chance.randint(1, frames), "times": 1}
                settings["fault_key"] = f"chaos-{uuid4().hex}"
                settings[self._chance.choice(("fail_frames", "crash_frames", "bad_output_frames", "oom_frames"))] = [
                    fault
                ]
            case "approval":
                spec["approval"] = self._chance.randint(1, 3)
            case "behind":
                first = next((job for job in reversed(self.jobs) if job.id is not None), None)
                if first is not None:
                    spec["depends_on"] = [{"job": first.id, "by": "job"}]
        if self._chance.random() < 0.2:
            spec["priority"] = "interactive"
        spec |= {"pipeline": "fake", "frames": f"1-{frames}", "settings": settings}
        return Ordered(kind, spec, frames)
