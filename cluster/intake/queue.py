"""The SQS queue and its dead-letter queue, in the few verbs that the intake needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster.intake.aws import Aws
from cluster.intake.settings import IntakeSettings

OURS = "rayfarm_"
_MOST_ATTRIBUTES = 10
"""SQS's own limit on the attributes of one message."""
_MOST_BYTES = 1024 * 1024
"""SQS's own limit on a message with its attributes."""
_UNSENDABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DETAIL_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message, hidden from other consumers for now."""

    message_id: str
    receipt: str
    body: str
    receives: int
    """This one counted."""
    group: str | None
    """Of a FIFO queue."""
    attributes: Mapping[str, Any]
    """What its sender put beside it, as SQS writes it."""

    @property
    def original_id(self) -> str:
        """The id that it came with first, through whatever dead-letter queue it went since."""
        return self.word("message_id") or self.message_id

    def word(self, name: str) -> str | None:
        """One of the attributes that this farm writes."""
        value = self.attributes.get(f"{OURS}{name}")
        return value.get("StringValue") if isinstance(value, Mapping) else None

    @property
    def redrives(self) -> int:
        word = self.word("redrives") or "0"
        return int(word) if word.isascii() and word.isdigit() and len(word) < 9 else 0


class SqsQueue:
    """Every method raises ``AwsUnavailable``."""

    def __init__(self, *, settings: IntakeSettings, aws: Aws) -> None:
        assert settings.queue_url is not None
        assert settings.dead_letter_url is not None
        self.url = settings.queue_url
        self.dead_letter_url = settings.dead_letter_url
        self._settings = settings
        self._aws = aws

    async def receive(self, *, limit: int, wait: timedelta | None = None, url: str | None = None) -> list[Received]:
        """Up to ``limit`` messages; waits for the first."""
        answer = await self._aws.call(
            self._sqs.receive_message,
            QueueUrl=url or self.url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=int((self._settings.long_poll if wait is None else wait).total_seconds()),
            VisibilityTimeout=int(self._settings.visibility.total_seconds()),
            MessageSystemAttributeNames=["ApproximateReceiveCount", "MessageGroupId"],
            MessageAttributeNames=["All"],
        )
        return [_received(message) for message in answer.get("Messages", ())]

    async def hide(self, message: Received, *, longer: timedelta, url: str | None = None) -> None:
        """From now on for so long; zero: it is anybody's at once."""
        await self._aws.call(
            self._sqs.change_message_visibility,
            QueueUrl=url or self.url,
            ReceiptHandle=message.receipt,
            VisibilityTimeout=int(longer.total_seconds()),
        )

    async def delete(self, message: Received, *, url: str | None = None) -> None:
        await self._aws.call(self._sqs.delete_message, QueueUrl=url or self.url, ReceiptHandle=message.receipt)

    async def bury(self, message: Received, *, code: str, detail: str) -> None:
        """Into the dead-letter queue, with the reason; then it is gone from this one. A crash between leaves both."""
        why = {
            "code": code,
            "detail": detail[:_DETAIL_CHARACTERS],
            "message_id": message.original_id,
            "receives": str(message.receives),
            "redrives": str(message.redrives),
            "refused_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": self.url,
        }
        name = f"{message.original_id}-{message.redrives}"
        await self._send(self.dead_letter_url, message, attributes=why, name=name)
        await self.delete(message)

    async def bring_back(self, message: Received) -> None:
        """From the dead-letter queue into the queue, under the id that it came with first."""
        redrives = message.redrives + 1
        about = {"message_id": message.original_id, "redrives": str(redrives)}
        await self._send(self.url, message, attributes=about, name=f"{message.original_id}-back-{redrives}")
        await self.delete(message, url=self.dead_letter_url)

    async def _send(self, url: str, message: Received, *, attributes: Mapping[str, str], name: str) -> None:
        """``name``: what a FIFO queue knows it by."""
        sent: dict[str, Any] = {
            f"{OURS}{key}": {"DataType": "String", "StringValue": _UNSENDABLE.sub("\ufffd", value) or "-"}
            for key, value in attributes.items()
        }
        room = _MOST_BYTES - len(message.body.encode()) - sum(map(_size_of, sent.items()))
        for key, value in message.attributes.items():
            if key.startswith(OURS) or len(sent) >= _MOST_ATTRIBUTES:
                continue
            room -= _size_of((key, value))
            if room >= 0:
                sent[key] = value
        if room < 0:  # the sender used all of what SQS takes: the id is worth more than the words
            sent = {key: value for key, value in sent.items() if key in (f"{OURS}code", f"{OURS}message_id")}
        fifo = {"MessageGroupId": message.group or "rayfarm", "MessageDeduplicationId": name[:128]}
        await self._aws.call(
            self._sqs.send_message,
            QueueUrl=url,
            MessageBody=message.body,
            MessageAttributes=sent,
            **(fifo if url.endswith(".fifo") else {}),
        )

    @property
    def _sqs(self) -> Any:
        return self._aws.client("sqs")


def _received(message: Mapping[str, Any]) -> Received:
    system = message.get("Attributes", {})
    attributes = {
        name: {kind: each for kind, each in value.items() if kind in ("DataType", "StringValue", "BinaryValue")}
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return Received(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        receives=int(system.get("ApproximateReceiveCount", 1)),
        group=system.get("MessageGroupId"),
        attributes=attributes,
    )


def _size_of(attribute: tuple[str, Mapping[str, Any]]) -> int:
    name, value = attribute
    content = value.get("StringValue", "").encode() or value.get("BinaryValue", b"")
    return len(name.encode()) + len(value["DataType"]) + len(content)
