"""Bodies of the incoming webhooks of chat services: nothing in a job's name or an engine's message is a mark there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from jobs.notices import Notice

_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
"""ASCII punctuation, all of which a backslash escapes (CommonMark 0.31 section 2.4)."""


class WebhookFormat(StrEnum):
    """What is posted to a webhook."""

    STANDARD = "standard"
    """The event as JSON, signed (Standard Webhooks)."""
    SLACK = "slack"
    DISCORD = "discord"
    TEAMS = "teams"
    MATTERMOST = "mattermost"

    @property
    def is_chat(self) -> bool:
        """Words for people; the address is the only secret."""
        return self is not WebhookFormat.STANDARD


def chat_body(notice: Notice, format_: WebhookFormat) -> bytes:
    """JSON for the incoming webhook of a service. ``format_``: one that is chat."""
    match format_:
        case WebhookFormat.SLACK:
            body = _slack(notice)
        case WebhookFormat.DISCORD:
            # allowed_mentions: a name may hold @everyone, and the text pings nobody all the same.
            body = {"content": _markdown(notice, bold="**")[:2000], "allowed_mentions": {"parse": []}}
        case WebhookFormat.TEAMS:
            body = _teams(notice)
        case WebhookFormat.MATTERMOST:
            body = {"text": _markdown(notice, bold="**")}
        case WebhookFormat.STANDARD:
            raise ValueError("a standard webhook is told the event itself")
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def hidden_address(url: str) -> str:
    """What may be shown of a chat service's address: whoever knows the rest can post there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…"


def _slack(notice: Notice) -> Mapping[str, Any]:
    """Block Kit. Only ``plain_text`` is never parsed; ``text`` is what a notification on a phone shows."""
    lines = [each for each in (notice.title, notice.text) if each]
    blocks = [{"type": "section", "text": {"type": "plain_text", "text": each, "emoji": False}} for each in lines]
    if notice.link is not None:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{_entities(notice.link)}|Open>"}})
    return {"text": _entities(" – ".join(lines)), "blocks": blocks}


def _teams(notice: Notice) -> Mapping[str, Any]:
    """An Adaptive Card 1.2. Text of a RichTextBlock is plain, that of a TextBlock is Markdown."""
    runs = [{"type": "TextRun", "text": notice.title, "weight": "Bolder"}]
    parts: list[Any] = [{"type": "RichTextBlock", "inlines": runs}]
    if notice.text:
        parts.append({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": notice.text}]})
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": parts,
    }
    if notice.link is not None:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": notice.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _markdown(notice: Notice, *, bold: str) -> str:
    lines = [f"{bold}{_escaped(notice.title)}{bold}", _escaped(notice.text), f"<{notice.link}>" if notice.link else ""]
    return "\n".join(each for each in lines if each)


def _escaped(text: str) -> str:
    """Behind an @ stands a space of no width: services look for names to call before they read marks."""
    return _MARKS.sub(r"\\\1", text).replace("@", "@\u200b")


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
