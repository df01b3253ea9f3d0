"""Publishes the end of jobs to SQS queues, SNS topics and EventBridge buses, out of the outbox: at least once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from cluster.intake.arns import Arn
from cluster.intake.aws import Aws, AwsUnavailable
from cluster.intake.settings import IntakeSettings
from cluster.loops.base import Loop
from cluster.loops.deliver import NotTaken
from cluster.loops.outbox import OutboxSender
from cluster.loops.settings import LoopSettings
from db.intake import find_message_of_job, keep_result_targets
from db.session import Database

SOURCE = "rayfarm"
"""The ``source`` of events on a bus."""


class ResultTargetKeeper:
    """Makes the rows of the allowed targets equal to the settings."""

    name = "result-targets"
    every = timedelta(seconds=30)

    def __init__(self, *, database: Database, cluster_id: str, settings: IntakeSettings) -> None:
        self._database = database
        self._cluster_id = cluster_id
        self._arns = settings.targets

    async def tick(self, epoch: int) -> int:
        return await keep_result_targets(self._database, cluster_id=self._cluster_id, arns=self._arns, epoch=epoch)


class AwsDeliver:
    """See ``cluster.loops.deliver.Deliver``: a target is an ARN."""

    def __init__(self, *, database: Database, settings: IntakeSettings) -> None:
        self._database = database
        self._aws = Aws(settings)
        self._urls: dict[str, str] = {}

    async def __call__(self, target: str, payload: Mapping[str, Any]) -> None:
        arn = Arn.parse(target)
        body = {**payload, "request": await self._request(UUID(str(payload["job"])))}
        words = {"kind": str(payload["kind"]), "state": str(payload["data"].get("state")), "project": body["project"]}
        try:
            await self._publish(arn, body, words)
        except AwsUnavailable as error:
            raise NotTaken(str(error)[:200]) from error

    async def _publish(self, arn: Arn, body: Mapping[str, Any], words: Mapping[str, str]) -> None:
        text = json.dumps(body, separators=(",", ":"))
        attributes = {name: {"DataType": "String", "StringValue": word} for name, word in words.items()}
        fifo = {"MessageGroupId": body["job"], "MessageDeduplicationId": str(body["id"])} if arn.is_fifo else {}
        client = self._aws.client(arn.service, arn.region)
        if arn.service == "sqs":
            url = await self._url_of(arn)
            await self._aws.call(
                client.send_message, QueueUrl=url, MessageBody=text, MessageAttributes=attributes, **fifo
            )
        elif arn.service == "sns":
            await self._aws.call(client.publish, TopicArn=arn.text, Message=text, MessageAttributes=attributes, **fifo)
        else:
            entry = {"Source": SOURCE, "DetailType": words["kind"], "Detail": text, "EventBusName": arn.text}
            answer = await self._aws.call(client.put_events, Entries=[entry])
            if answer.get("FailedEntryCount"):  # the request went well, and its entry did not
                raise NotTaken(str(answer["Entries"][0].get("ErrorMessage", "The bus refused it."))[:200])

    async def _url_of(self, arn: Arn) -> str:
        url = self._urls.get(arn.text)
        if url is None:
            client = self._aws.client("sqs", arn.region)
            answer = await self._aws.call(
                client.get_queue_url, QueueName=arn.resource, QueueOwnerAWSAccountId=arn.account
            )
            url = self._urls[arn.text] = str(answer["QueueUrl"])
        return url

    async def _request(self, job_id: UUID) -> dict[str, str | None] | None:
        """What the sender knows the job by; None for one that came otherwise, or is long forgotten."""
        async with self._database.transaction() as tx:
            found = await find_message_of_job(tx, job_id=job_id)
        return None if found is None else {"message_id": found.message_id, "label": found.label, "queue": found.source}


def result_loops(
    *, database: Database, cluster_id: str, settings: IntakeSettings, loop_settings: LoopSettings
) -> tuple[Loop, ...]:
    """The keeper of the targets, and a sender for each."""
    deliver = AwsDeliver(database=database, settings=settings) if settings.targets else None
    senders: list[Loop] = [
        OutboxSender(
            name=f"results {target}", target=target, database=database, settings=loop_settings, deliver=deliver
        )
        for target in settings.targets
        if deliver is not None
    ]
    return (ResultTargetKeeper(database=database, cluster_id=cluster_id, settings=settings), *senders)
