"""A server on loopback that speaks the protocols of SQS, SNS, S3 and EventBridge, and an intake before it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr
from sqlalchemy import text

from cluster.intake.consumer import Intake
from cluster.intake.results import result_loops
from cluster.intake.settings import IntakeSettings
from cluster.loops.outbox import OutboxSender, TargetKeeper
from cluster.loops.settings import LoopSettings
from db.dispatch import lead
from db.session import Database
from jobs.limits import FarmLimits
from serve_app.jobs.messages import MessageAdmission
from tests.serve_app.farm import ApiFarm

REGION = "eu-west-1"
ACCOUNT = "123456789012"


@pytest.fixture(scope="session")
def aws_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass(kw_only=True)
class Room:
    """Queues of one test, the farm, and intakes that end with it."""

    farm: ApiFarm
    endpoint: str
    settings: IntakeSettings
    intakes: list[Intake]
    limits: FarmLimits = field(default_factory=FarmLimits)

    def aws(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint)

    def queue(self) -> str:
        """The URL of a new one."""
        return str(self.aws("sqs").create_queue(QueueName=uuid4().hex)["QueueUrl"])

    def arn_of(self, url: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"

    def intake(self, *, database: Database | None = None, **changes: Any) -> Intake:
        self.settings = self.settings.model_copy(update=changes)
        intake = Intake(
            database=database or self.farm.db,
            storage=self.farm.storage,
            settings=self.settings,
            admission=MessageAdmission(),
            limits=self.limits,
        )
        self.intakes.append(intake)
        return intake

    async def epoch(self) -> int:
        epoch = await lead(
            self.farm.db, role="loops", cluster_id="api-test", holder=self.farm.project_id, ttl=timedelta(minutes=5)
        )
        assert epoch is not None
        return epoch

    async def take_in(self, intake: Intake | None = None) -> int:
        """One tick to its end; how many messages left the queue."""
        intake = intake or self.intake()
        ended = await intake.tick(await self.epoch())
        return ended + await intake.settle()

    def send(self, body: object, **options: Any) -> str:
        text_ = body if isinstance(body, str) else json.dumps(body)
        sqs = self.aws("sqs")
        return str(sqs.send_message(QueueUrl=self.settings.queue_url, MessageBody=text_, **options)["MessageId"])

    async def send_job(self, **fields: Any) -> str:
        own = {name: fields.pop(name) for name in ("idempotency_key", "project", "publish") if name in fields}
        return self.send({**await self.farm.spec(**fields), **own})

    def read(self, url: str | None, *, visibility: int = 0) -> list[Any]:
        """What lies there now; it stays."""
        answer = self.aws("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=visibility,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    def left(self) -> tuple[int, int]:
        """Messages of the queue that are to be had, and that are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs = self.aws("sqs")
        found = sqs.get_queue_attributes(QueueUrl=self.settings.queue_url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def refused(self) -> list[dict[str, str]]:
        """Why, for each message in the dead-letter queue: the attributes of ours."""
        return [_words(message["MessageAttributes"]) for message in self.read(self.settings.dead_letter_url)]

    async def rows(self, query: str, **parameters: Any) -> list[Any]:
        async with self.farm.db.transaction() as tx:
            return list((await tx.execute(text(query), parameters)).all())

    async def end(self, job_id: UUID | str) -> None:
        """Have the job canceled: an end as any other."""
        answer = await self.farm.http.post(f"/v1/jobs/{job_id}/cancel")
        assert answer.is_success, answer.text

    async def publish_results(self) -> int:
        """What the loops of the results do, once each."""
        epoch = await self.epoch()
        told = 0
        loops = result_loops(
            database=self.farm.db,
            cluster_id="api-test",
            settings=self.settings,
            loop_settings=LoopSettings(delivery_attempts=2),
        )
        for loop in loops:
            done = await loop.tick(epoch)
            told += done if isinstance(loop, OutboxSender) else 0
        await TargetKeeper(database=self.farm.db, cluster_id="api-test", targets=()).tick(epoch)
        return told


@pytest.fixture
async def room(farm: ApiFarm, aws_server: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-these-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-these-tests")
    made = Room(farm=farm, endpoint=aws_server, settings=IntakeSettings(), intakes=[])
    key = await farm.new_key("film", role="artist")
    made.settings = IntakeSettings(
        queue_url=made.queue(),
        dead_letter_url=made.queue(),
        api_key=SecretStr(key),
        region=REGION,
        endpoint_url=aws_server,
        long_poll=timedelta(0),
        model_poll=timedelta(seconds=0.05),
        drain_timeout=timedelta(seconds=0.2),
    )
    # What the farm's helpers make belongs to the project that the key acts for.
    farm.http.headers["Authorization"] = f"Bearer {key}"
    yield made
    for intake in made.intakes:
        await intake.close()


def _words(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {name.removeprefix("rayfarm_"): value["StringValue"] for name, value in attributes.items()}
