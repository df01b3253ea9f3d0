"""For receivers of a farm's webhooks: is this post the farm's, and what does it say?

    event = rayfarm.webhooks.verify(body, headers, secret)   # the body as it came, before any JSON parser

Standard Webhooks (https://www.standardwebhooks.com): any of its libraries in any language does the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from rayfarm.errors import ClientError


class NotFromTheFarm(ClientError):
    """The signature of this post is not one of the farm's, or it is older than five minutes: answer 400."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """What a verified post says."""

    message_id: str
    """The same when it comes again: who has seen it passes over it."""
    type: str
    """``job.state``, ``frames.committed``, …; pass over those that you do not know."""
    timestamp: datetime
    """When it happened."""
    data: dict[str, Any]


def verify(body: bytes | str, headers: Mapping[str, str], *secrets: str) -> WebhookEvent:
    """The event, once its signature fits one of ``secrets`` (``whsec_…``; two while you change them).

    Raises ``NotFromTheFarm``. Header names may be in any case.
    """
    if not secrets:
        raise ValueError("verify() needs the webhook's secret.")
    sent = {name.lower(): value for name, value in headers.items()}
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    for secret in secrets:
        try:
            Webhook(secret).verify(text, sent, json_parse=False)
        except (WebhookVerificationError, ValueError):  # ValueError: a signature that is none
            continue
        try:
            said = json.loads(text)
            return WebhookEvent(
                message_id=sent["webhook-id"],
                type=said["type"],
                timestamp=datetime.fromisoformat(said["timestamp"]),
                data=said["data"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise NotFromTheFarm("The post is signed, and is not an event of Rayfarm.") from error
    raise NotFromTheFarm()
