"""Words for people, and that nothing a user wrote is a mark in any chat service."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from jobs.chat import WebhookFormat, chat_body
from jobs.events import EventKind
from jobs.mail import message_of
from jobs.notices import NOTICE_KINDS, Notice, NoticeSettings, notice_of

COUNTS = {"total": 250, "committed": 240, "reused": 7, "failed": 3, "canceled": 0, "skipped": 0}
DATA: dict[EventKind, dict[str, Any]] = {
    EventKind.JOB_STATE: {"state": "failed", "from": "finishing", "counts": COUNTS, "message": "Blender ended."},
    EventKind.JOB_EXPIRING: {"expires_at": "2026-01-05T10:00:00+00:00"},
    EventKind.JOB_EXPIRED: {"expires_at": "2026-01-05T10:00:00+00:00", "files": 12, "size_bytes": 1},
    EventKind.OUTPUT_FAILED: {"kind": "video", "message": "No room."},
    EventKind.DELIVERY_FAILED: {"delivered": 9, "failed": 3, "size_bytes": 1, "message": "There is no bucket studio."},
    EventKind.BUDGET_THRESHOLD: {"percent": 100, "spent": "10.2", "budget": "10", "currency": "EUR"},
    EventKind.CREDITS_SPENT: {"balance": "-0.1"},
    EventKind.WEBHOOK_DISABLED: {"description": "tracker", "reason": "gone", "message": "410"},
    EventKind.WEBHOOK_PING: {},
}
HOSTILE = Notice(
    title="<!channel> @everyone *b* [x](https://evil.example) <https://evil.example|log in> &lt;",
    text="`code` ~~no~~ @here <@U123> <#C1>",
    link="https://farm.example.org/jobs/1?a=1&b=2",
)


def said(kind: EventKind, **more: Any) -> Notice | None:
    return notice_of(kind, {**DATA[kind], **more}, job_name="shot", project="Film")


class TestWords:
    def test_there_are_words_for_every_kind_that_may_be_asked_for(self) -> None:
        assert set(DATA) - {EventKind.WEBHOOK_PING} == NOTICE_KINDS
        for kind in DATA:
            notice = said(kind)
            assert notice is not None
            assert ("shot" in notice.title) or ("Film" in notice.title)

    def test_the_end_of_a_job_tells_its_frames_and_why(self) -> None:
        notice = said(EventKind.JOB_STATE)
        assert notice is not None
        assert (notice.title, notice.text) == (
            "“shot” failed",
            "247 of 250 frames are there, 3 failed. Blender ended.",
        )

    @pytest.mark.parametrize("state", ["queued", "running", "finishing", "paused", "canceling"])
    def test_a_job_that_goes_on_is_not_told_of(self, state: str) -> None:
        assert said(EventKind.JOB_STATE, state=state) is None

    def test_only_the_last_threshold_says_that_work_stops(self) -> None:
        at_80, at_100 = said(EventKind.BUDGET_THRESHOLD, percent=80), said(EventKind.BUDGET_THRESHOLD)
        assert at_80 is not None
        assert at_100 is not None
        assert "Nothing more" in at_100.text
        assert "Nothing more" not in at_80.text

    def test_what_users_and_engines_wrote_stays_on_its_line_and_within_its_length(self) -> None:
        notice = notice_of(
            EventKind.JOB_STATE,
            {**DATA[EventKind.JOB_STATE], "message": "one\r\ntwo\u2028three\u202e" + "x" * 5000},
            job_name="a\r\nBcc: all@example.org" + "y" * 5000,
            project="Film",
        )
        assert notice is not None
        assert "a Bcc" in notice.title
        assert "one two three x" in notice.text
        for line in (notice.title, notice.text):
            assert len(line) <= 500
            assert line.isprintable()


class TestChat:
    def test_slack_parses_nothing_of_it_but_our_own_link(self) -> None:
        body = json.loads(chat_body(HOSTILE, WebhookFormat.SLACK))
        assert not set("<>") & set(body["text"])
        *words, link = [each["text"] for each in body["blocks"]]
        assert [(each["type"], each["text"], each["emoji"]) for each in words] == [
            ("plain_text", HOSTILE.title, False),
            ("plain_text", HOSTILE.text, False),
        ]
        assert link == {"type": "mrkdwn", "text": "<https://farm.example.org/jobs/1?a=1&amp;b=2|Open>"}

    def test_teams_shows_it_as_plain_text(self) -> None:
        body = json.loads(chat_body(HOSTILE, WebhookFormat.TEAMS))
        [attachment] = body["attachments"]
        card = attachment["content"]
        assert (body["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
        assert {each["type"] for each in card["body"]} == {"RichTextBlock"}  # a TextBlock would read Markdown
        assert [each["inlines"][0]["text"] for each in card["body"]] == [HOSTILE.title, HOSTILE.text]
        assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": HOSTILE.link}]

    @pytest.mark.parametrize(
        ("format_", "field"), [(WebhookFormat.DISCORD, "content"), (WebhookFormat.MATTERMOST, "text")]
    )
    def test_every_mark_of_markdown_is_escaped_and_nobody_is_called(self, format_: WebhookFormat, field: str) -> None:
        body = json.loads(chat_body(HOSTILE, format_))
        title, text, link = body[field].split("\n")
        assert (title[:2], title[-2:], link) == ("**", "**", f"<{HOSTILE.link}>")
        for line, meant in ((title[2:-2], HOSTILE.title), (text, HOSTILE.text)):
            assert line.replace("\\", "").replace("\u200b", "") == meant
            for mark in "<>[]()*`~@#!|":
                assert line.count(mark) == line.count("\\" + mark)
            assert line.count("@") == line.count("@\u200b")

    def test_discord_is_told_to_call_nobody_and_takes_no_more_than_2000_characters(self) -> None:
        body = json.loads(
            chat_body(
                Notice(title="@" * 400, text="@" * 500, link="https://f.example/" + "x" * 900), WebhookFormat.DISCORD
            )
        )
        assert body["allowed_mentions"] == {"parse": []}
        assert len(body["content"]) <= 2000


class TestLinks:
    def test_a_job_has_its_page_and_a_project_has_none(self) -> None:
        settings, job_id = NoticeSettings(job_page="https://farm.example.org/jobs/{job}"), uuid4()
        assert settings.page_of(job_id) == f"https://farm.example.org/jobs/{job_id}"
        assert settings.page_of(None) is None
        assert NoticeSettings().page_of(job_id) is None

    @pytest.mark.parametrize(
        "page",
        ["farm.example.org/{job}", "https://farm.example.org/", "javascript:{job}", "https://f.example/{job}|x>"],
    )
    def test_a_page_that_would_lead_nowhere_is_refused(self, page: str) -> None:
        with pytest.raises(ValidationError):
            NoticeSettings(job_page=page)


class TestMail:
    def test_a_title_that_no_header_can_hold_costs_nobody_the_notice(self) -> None:
        message = message_of(
            [Notice(title="“a\ud800b” failed", text="3 failed.", link=None)],
            omitted=0,
            to="ada@example.org",
            sender="farm@example.org",
            account_id=uuid4(),
            last_id=1,
            at=datetime(2026, 3, 31, tzinfo=UTC),
        )
        sent = message_from_bytes(message.as_bytes())
        assert sent["Subject"] == "1 notice of the render farm"
        assert "3 failed." in sent.get_payload()
