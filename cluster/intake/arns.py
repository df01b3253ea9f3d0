"""Where results may be published, as ARNs name it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Self, cast

_ARN = re.compile(r"arn:aws[a-z-]*:(sqs|sns|events):([a-z0-9-]+):(\d{12}):([A-Za-z0-9_./-]{1,256})", re.ASCII)

Service = Literal["sqs", "sns", "events"]


@dataclass(frozen=True, slots=True)
class Arn:
    """An SQS queue, an SNS topic or an EventBridge bus."""

    text: str
    service: Service
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``ValueError`` for what is none of the three."""
        found = _ARN.fullmatch(text)
        if found is None or (found[1] == "events") != found[4].startswith("event-bus/"):
            raise ValueError(
                f"{text!r} is not the ARN of an SQS queue, an SNS topic or an EventBridge bus, such as "
                "arn:aws:sqs:eu-west-1:123456789012:results."
            )
        return cls(text, cast(Service, found[1]), found[2], found[3], found[4])

    @property
    def is_fifo(self) -> bool:
        return self.resource.endswith(".fifo")
