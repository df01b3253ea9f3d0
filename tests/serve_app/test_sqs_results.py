"""The end of a job is published to the queues, topics and buses that its message asked for, at least once."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from cluster.intake.settings import IntakeSettings
from jobs.errors import InvalidSettings
from tests.serve_app.queues import ACCOUNT, REGION, Room, aws_server, room

__all__ = ["aws_server", "room"]


class TestResults:
    async def test_a_queue_hears_of_the_end_once_with_what_the_sender_knows_it_by(self, room: Room) -> None:
        results = room.queue()
        message_id, job_id = await _job(room, allowed=[room.arn_of(results)], idempotency_key="shot-7")
        assert await room.publish_results() == 0
        assert room.read(results) == []
        await room.end(job_id)
        assert await room.publish_results() == 1
        assert await room.publish_results() == 0
        [message] = room.read(results)
        body = json.loads(message["Body"])
        assert (body["kind"], body["job"], body["data"]["state"]) == ("job.state", job_id, "canceled")
        assert body["request"] == {"message_id": message_id, "label": "shot-7", "queue": room.settings.queue_url}
        assert message["MessageAttributes"]["state"]["StringValue"] == "canceled"

    async def test_a_topic_and_a_bus_hear_of_it_too(self, room: Room) -> None:
        sns, events = room.aws("sns"), room.aws("events")
        of_topic, of_bus = room.queue(), room.queue()
        topic = sns.create_topic(Name=uuid4().hex)["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=room.arn_of(of_topic))
        bus = uuid4().hex
        bus_arn = events.create_event_bus(Name=bus)["EventBusArn"]
        events.put_rule(Name="all", EventBusName=bus, EventPattern=json.dumps({"source": ["rayfarm"]}))
        events.put_targets(Rule="all", EventBusName=bus, Targets=[{"Id": "1", "Arn": room.arn_of(of_bus)}])
        _, job_id = await _job(room, allowed=[topic, bus_arn])
        await room.end(job_id)
        assert await room.publish_results() == 2
        [told] = room.read(of_topic)
        assert json.loads(json.loads(told["Body"])["Message"])["job"] == job_id
        [told] = room.read(of_bus)
        event = json.loads(told["Body"])
        assert (event["source"], event["detail-type"], event["detail"]["job"]) == ("rayfarm", "job.state", job_id)

    async def test_a_target_that_is_away_is_told_when_it_is_back(self, room: Room) -> None:
        name = uuid4().hex
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        _, job_id = await _job(room, allowed=[arn])
        await room.end(job_id)
        with capture_logs():
            assert await room.publish_results() == 0
        url = room.aws("sqs").create_queue(QueueName=name)["QueueUrl"]
        await room.farm.execute("update outbox set not_before = now()")
        assert await room.publish_results() == 1
        assert json.loads(room.read(url)[0]["Body"])["job"] == job_id

    async def test_what_waits_for_a_target_that_the_settings_no_longer_name_ends(self, room: Room) -> None:
        results = room.queue()
        _, job_id = await _job(room, allowed=[room.arn_of(results)])
        await room.end(job_id)
        room.settings = room.settings.model_copy(update={"publish_allowed": ()})
        await room.publish_results()
        [row] = await room.rows("select state from outbox")
        assert row.state == "failed"

    async def test_every_job_of_the_intake_is_told_where_the_settings_say_so_and_no_other(self, room: Room) -> None:
        results = room.queue()
        room.intake(publish=(room.arn_of(results),))
        await room.send_job()
        await room.take_in()
        over_http = await room.farm.submit()
        jobs = await room.rows("select id from job")
        for job in jobs:
            await room.end(job.id)
        assert await room.publish_results() == 1
        told = {json.loads(message["Body"])["job"] for message in room.read(results)}
        assert told == {str(job.id) for job in jobs} - {over_http["id"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"publish": ["https://example.org/queue"]},
        {"publish": ["arn:aws:lambda:eu-west-1:123456789012:function:x"]},
        {"api_key": None},
        {"dead_letter_url": None},
        {"dead_letter_url": "https://sqs.eu-west-1.amazonaws.com/1/jobs"},
        {"dead_letter_url": "https://sqs.eu-west-1.amazonaws.com/1/dead.fifo"},
    ],
)
def test_an_intake_that_could_lose_messages_does_not_start(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "queue_url": "https://sqs.eu-west-1.amazonaws.com/1/jobs",
        "dead_letter_url": "https://sqs.eu-west-1.amazonaws.com/1/dead",
        "api_key": SecretStr("rf_x"),
    }
    IntakeSettings(**right)
    with pytest.raises(InvalidSettings):
        IntakeSettings(**{**right, **wrong})


async def _job(room: Room, *, allowed: list[str], **fields: Any) -> tuple[str, str]:
    """The message and its job."""
    room.intake(publish_allowed=tuple(allowed))
    message_id = await room.send_job(publish=allowed, **fields)
    assert await room.take_in() == 1
    [job] = await room.rows("select id from job")
    return message_id, str(job.id)
