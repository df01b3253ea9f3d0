"""What the farm says, as typed values. Unknown fields are ignored, so that an older client reads a newer farm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rayfarm.errors import ClientError

_SHA256 = re.compile(r"[0-9a-f]{64}")

Json = Mapping[str, Any]

TERMINAL_STATES = frozenset({"succeeded", "failed", "canceled"})
"""A job in one of these does not change any more."""
STEP_ENDS = frozenset({"done", "failed", "canceled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Frames of a job by what became of them."""

    total: int = 0
    committed: int = 0
    reused: int = 0
    failed: int = 0
    canceled: int = 0
    skipped: int = 0

    @classmethod
    def read(cls, data: Json) -> Counts:
        return cls(**{name: int(data.get(name) or 0) for name in cls.__slots__})

    @property
    def done(self) -> int:
        """Frames that have their picture."""
        return self.committed + self.reused

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.canceled + self.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as the farm sees it now."""

    id: str
    name: str
    state: str
    counts: Counts
    pipeline: str = ""
    priority: str = ""
    frames: str = ""
    model_id: str | None = None
    end_reason: str | None = None
    message: str | None = None
    wait_words: str | None = None
    """Why it waits, in words; None: it does not."""
    retried_words: str | None = None
    """How often open frames were tried in vain, and how the newest try ended; None: not, or not told."""
    eta_seconds: float | None = None
    warm: int = 0
    cold: int = 0
    suspects: int = 0
    """Frames that look odd beside their neighbours."""
    seconds_per_frame: float | None = None
    created_at: str | None = None
    ended_at: str | None = None
    tags: tuple[str, ...] = ()
    show: str | None = None
    shot: str | None = None
    etag: str | None = field(default=None, compare=False)
    """Of the version that was read, for ``Client.change(if_match=…)``; None: it came with a list."""
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, data: Json) -> Job:
        spec: Json = data.get("spec") or {}
        wait: Json = data.get("wait") or {}
        return cls(
            id=str(data["id"]),
            name=str(data.get("name") or spec.get("name") or ""),
            state=str(data.get("state") or "queued"),
            counts=Counts.read(data.get("counts") or {}),
            pipeline=str(data.get("pipeline") or spec.get("pipeline") or ""),
            priority=str(data.get("priority") or spec.get("priority") or ""),
            frames=str(data.get("frames") or spec.get("frames") or ""),
            model_id=_text(data.get("model") or data.get("model_id") or spec.get("model")),
            end_reason=_text(data.get("end_reason")),
            message=_text(data.get("message")),
            wait_words=_text(wait.get("words")),
            retried_words=_retried(data.get("retried")),
            eta_seconds=_number(data.get("eta_seconds")),
            warm=int(data.get("warm") or 0),
            cold=int(data.get("cold") or 0),
            suspects=int(data.get("suspects") or 0),
            seconds_per_frame=_number(data.get("seconds_per_frame")),
            created_at=_text(data.get("created_at")),
            ended_at=_text(data.get("ended_at")),
            tags=tuple(str(tag) for tag in data.get("tags") or ()),
            show=_text(data.get("show")),
            shot=_text(data.get("shot")),
            raw=data,
        )

    @property
    def is_over(self) -> bool:
        return self.state in TERMINAL_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A registered model version."""

    id: str
    name: str
    state: str
    digest: str = ""
    probe: Json | None = None
    problem: Json | None = None
    remedy: str | None = None
    missing: tuple[Json, ...] = ()
    created_at: str | None = None
    keep_warm: bool = False
    """Replicas with nothing to do load it."""
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, data: Json) -> Model:
        probe = data.get("probe")
        missing = data.get("missing") or (probe or {}).get("missing") or ()
        return cls(
            id=str(data["id"]),
            name=str(data.get("name") or ""),
            state=str(data.get("state") or "probing"),
            digest=str(data.get("digest") or ""),
            probe=probe,
            problem=data.get("problem"),
            remedy=_text(data.get("remedy")),
            missing=tuple(item if isinstance(item, Mapping) else {"raw": str(item)} for item in missing),
            created_at=_text(data.get("created_at")),
            keep_warm=bool(data.get("keep_warm")),
            raw=data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One output file of a job."""

    id: str
    kind: str
    name: str
    url: str
    size_bytes: int
    sha256: str
    ordinal: int | None = None
    frame: int | None = None
    media_type: str = ""
    path: str = ""
    """Where it goes in a folder of outputs; empty from a farm that does not tell."""
    expired_at: str | None = None
    """When its file ended; then ``url`` is empty."""

    @classmethod
    def read(cls, data: Json) -> Artifact:
        return cls(
            id=str(data["id"]),
            kind=str(data.get("kind") or ""),
            name=str(data["name"]),
            url=str(data["url"] or ""),
            size_bytes=int(data["size_bytes"]),
            sha256=_digest(data["sha256"]),
            ordinal=_integer(data.get("ordinal")),
            frame=_integer(data.get("frame")),
            media_type=str(data.get("media_type") or ""),
            path=str(data.get("path") or ""),
            expired_at=data.get("expired_at"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a job would cost. None: not known, and ``unknown`` says why."""

    frames: int
    reused: int | None
    to_render: int | None
    seconds_per_frame: float | None
    seconds_per_frame_source: str | None
    """`same_inputs`, or `same_model`: measured with other settings, so only a hint."""
    slot_seconds: float | None
    """Time that replicas spend on it, all together."""
    replicas: int
    expected_seconds: float | None
    """From the first frame to the last, were those replicas free for it."""
    cost: str | None = None
    """Exact decimal, in ``currency``."""
    currency: str | None = None
    unknown: Json = field(default_factory=dict)
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, data: Json) -> Estimate:
        return cls(
            frames=int(data["frames"]),
            reused=_integer(data.get("reused")),
            to_render=_integer(data.get("to_render")),
            seconds_per_frame=_number(data.get("seconds_per_frame")),
            seconds_per_frame_source=_text(data.get("seconds_per_frame_source")),
            slot_seconds=_number(data.get("slot_seconds")),
            replicas=int(data.get("replicas") or 0),
            expected_seconds=_number(data.get("expected_seconds")),
            cost=_text(data.get("cost")),
            currency=_text(data.get("currency")),
            unknown=data.get("unknown") or {},
            raw=data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of what happened to a job, or (``frame.progress``) of what a frame that renders has come to."""

    id: str
    """To resume behind; progress has that of the event before it."""
    kind: str
    data: Json
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One slot of the farm."""

    id: str
    state: str
    pool: str = ""
    node: str = ""
    engines: Json = field(default_factory=dict)
    residents: tuple[Json, ...] = ()
    current: Json | None = None
    sandbox: Json | None = None
    """``level`` (full, partial or none) and what is ``missing``; None before its first engine has started."""
    beat_at: str | None = None
    disabled: bool = False
    frames: int = 0
    failures: int = 0
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, data: Json) -> Replica:
        return cls(
            id=str(data["id"]),
            state=str(data.get("state") or ""),
            pool=str(data.get("pool") or ""),
            node=str(data.get("node") or ""),
            engines=data.get("engines") or {},
            residents=tuple(data.get("residents") or ()),
            current=data.get("current") or None,
            sandbox=data.get("sandbox") or None,
            beat_at=_text(data.get("beat_at")),
            disabled=bool(data.get("disabled")),
            frames=int(data.get("frames") or 0),
            failures=int(data.get("failures") or 0),
            raw=data,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that was asked to be made of a job's finished frames."""

    id: int
    step: str
    state: str
    """``queued``, ``leased`` (it runs), ``done``, ``failed`` or ``canceled``."""
    request: Json = field(default_factory=dict)
    result: Json | None = None
    """Once done: names of the ``files``, and what was found."""
    error: str | None = None
    created_at: str | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, data: Json) -> Step:
        return cls(
            id=int(data["id"]),
            step=str(data.get("step") or ""),
            state=str(data.get("state") or "queued"),
            request=data.get("request") or {},
            result=data.get("result") or None,
            error=_text(data.get("error")),
            created_at=_text(data.get("created_at")),
            raw=data,
        )

    @property
    def is_over(self) -> bool:
        return self.state in STEP_ENDS

    @property
    def files(self) -> tuple[str, ...]:
        """Names of what it made: artifacts of the job."""
        return tuple(str(name) for name in (self.result or {}).get("files") or ())


def _retried(told: Json | None) -> str | None:
    return f"{told['tries']}: {told['message']}" if told else None


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _digest(value: Any) -> str:
    """A SHA-256; a file on disk is named after it, so nothing else may stand there."""
    text = str(value)
    if not _SHA256.fullmatch(text):
        raise ClientError(
            f"The farm's answer holds {text[:80]!r} where a SHA-256 belongs.",
            remedy="Look whether this is the address of your farm, and whether the client is of its version.",
        )
    return text


def _integer(value: Any) -> int | None:
    return None if value is None else int(value)
