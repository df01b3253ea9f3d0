"""Settings of the intake from SQS, each with its unit and the reason for its value."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ByteSize, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from cluster.intake.arns import Arn
from jobs.settings import FarmSettings
from jobs.spec import JobSpec
from models.kinds import ModelKind

Wait = Annotated[timedelta, Field(gt=timedelta(0))]

SCENE_FRAMES = "scene"
"""In a rule's job: the frame range that the scene itself has."""


class ObjectRule(BaseModel):
    """Which new objects of S3 become jobs, and what jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    """Part of what an object is deduplicated by: two rules make two jobs of it."""
    bucket: Annotated[str, Field(min_length=3, max_length=63)]
    prefix: str = ""
    suffix: str = ""
    project: str | None = None
    """Its slug; None: the key's own."""
    kind: ModelKind | None = None
    """None: by the object's name."""
    job: dict[str, Any] = Field(default_factory=dict)
    """The body of ``POST /v1/jobs`` without ``model``; ``frames`` absent or ``scene``: the scene's own."""
    publish: tuple[str, ...] = ()
    """Targets of the results, beside the intake's own."""

    @model_validator(mode="after")
    def _makes_jobs(self) -> Self:
        if "model" in self.job:
            raise ValueError("job.model: it is the object that the event names; leave it out.")
        frames = self.job.get("frames", SCENE_FRAMES)
        JobSpec.model_validate({**self.job, "model": UUID(int=0), "frames": "1" if frames == SCENE_FRAMES else frames})
        return self

    def takes(self, bucket: str, key: str) -> bool:
        return bucket == self.bucket and key.startswith(self.prefix) and key.endswith(self.suffix)


class IntakeSettings(FarmSettings):
    """Read from ``RAYFARM_INTAKE_*``. Without ``queue_url`` nothing is taken in."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_INTAKE_", frozen=True)

    queue_url: str | None = None
    """URL of the SQS queue whose messages become jobs; unset: none."""

    dead_letter_url: str | None = None
    """URL of the queue that takes messages which cannot become jobs, with the reason. Needed with ``queue_url``."""

    api_key: SecretStr | None = None
    """API key, best of a service account with the right `project:render` alone, that messages are submitted with: its
    project, rights and quotas hold. Needed with ``queue_url``."""

    region: str | None = None
    """Region of the queues and of the buckets of rules; unset: from AWS's own chain (environment, profile, role)."""

    endpoint_url: str | None = None
    """Address of a server that speaks AWS's protocols, for queues, buckets and targets alike; unset: AWS."""

    rules: tuple[ObjectRule, ...] = ()
    """Which new objects of S3 become jobs: a JSON list of rules, of which the first that fits an object takes it."""

    publish: tuple[str, ...] = ()
    """ARNs that the end of every job of the intake is published to, whatever its message says: a JSON list."""

    publish_allowed: tuple[str, ...] = ()
    """ARNs of SNS topics, SQS queues and EventBridge buses that a message may ask its result to be published to: a
    JSON list. Those of ``publish`` and of the rules need not stand here."""

    max_in_flight: Annotated[int, Field(ge=1, le=1000)] = 20
    """Messages worked on at once. Most wait for a model's first opening, which costs nothing here."""

    batch: Annotated[int, Field(ge=1, le=10)] = 10
    """Messages asked for in one request; SQS gives ten at most."""

    long_poll: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(seconds=20))] = timedelta(seconds=5)
    """How long one request waits for messages. Also how long the end of the process waits for it; 20 s at most."""

    visibility: Annotated[timedelta, Field(ge=timedelta(seconds=3), le=timedelta(hours=12))] = timedelta(seconds=60)
    """How long a message is hidden from other consumers, renewed at a third of it for as long as it is worked on: how
    late it is taken up again after a crash."""

    longest_pause: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=12))] = timedelta(minutes=15)
    """Longest time that a message rests after an outage, or while the project's queue is full; 10 s at first, doubled
    with each receive."""

    max_receives: Annotated[int, Field(ge=1, le=1000)] = 50
    """Receives after which a message that fails again goes to the dead-letter queue: with these pauses half a day of
    outages. Keep ``maxReceiveCount`` of the queue's own redrive policy above it."""

    model_wait: Wait = timedelta(hours=1)
    """How long a message waits for its model's first opening before it counts as failed."""

    model_poll: Wait = timedelta(seconds=2)
    """Pause between two looks at such a model."""

    max_object_bytes: ByteSize = ByteSize(8 * 1024**3)
    """Largest object that a rule takes; it passes through the machine's temporary folder."""

    drain_timeout: Wait = timedelta(seconds=2)
    """How long what is under way may still take when the process ends; the rest is given back to the queue. Together
    with ``long_poll`` it stays below the ten seconds that a process has to end."""

    remembered: timedelta = timedelta(days=30)
    """How long it is known which message became which job. SQS keeps a message for 14 days at most, and a dead-letter
    queue as long again."""

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.queue_url is None:
            return self
        if self.dead_letter_url is None or self.api_key is None:
            raise ValueError("queue_url: dead_letter_url and api_key are needed with it.")
        for url in (self.queue_url, self.dead_letter_url):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
                raise ValueError("queue_url and dead_letter_url are addresses of SQS queues.")
        if self.queue_url == self.dead_letter_url:
            raise ValueError("dead_letter_url: it is another queue than queue_url.")
        if self.queue_url.endswith(".fifo") != self.dead_letter_url.endswith(".fifo"):
            raise ValueError("dead_letter_url: that of a FIFO queue is a FIFO queue, and no other is.")
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("rules: two have one name.")
        for arn in self.targets:
            Arn.parse(arn)
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """Every ARN that results may go to."""
        named = (*self.publish, *self.publish_allowed, *(arn for rule in self.rules for arn in rule.publish))
        return tuple(dict.fromkeys(named))
