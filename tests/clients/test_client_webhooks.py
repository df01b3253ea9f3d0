"""A receiver's side: what is the farm's is read, and nothing else."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from jobs.webhooks import body_of, signed_headers
from rayfarm.webhooks import NotFromTheFarm, verify

SECRET, OTHER = (f"whsec_{base64.b64encode(bytes([letter]) * 32).decode()}" for letter in b"ab")
BODY = body_of(kind="job.state", at=datetime(2026, 1, 5, tzinfo=UTC), data={"state": "running"}, about={"job": "j"})


def headers(*, ago: timedelta = timedelta(0), secret: str = SECRET) -> dict[str, str]:
    return signed_headers(BODY, message_id="msg_7", at=datetime.now(UTC) - ago, secrets_=[secret])


def test_a_post_of_the_farm_is_read() -> None:
    event = verify(BODY, {name.title(): value for name, value in headers().items()}, SECRET)
    assert (event.message_id, event.type, event.data) == ("msg_7", "job.state", {"state": "running", "job": "j"})
    assert event.timestamp == datetime(2026, 1, 5, tzinfo=UTC)


def test_while_secrets_change_either_of_them_does() -> None:
    assert verify(BODY, headers(secret=OTHER), SECRET, OTHER).type == "job.state"


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "no signature"},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": ""},
        {"webhook-id": "msg_8"},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": "nan"},
    ],
)
def test_what_was_changed_on_the_way_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(NotFromTheFarm):
        verify(BODY, {**headers(), **changed}, SECRET)


def test_another_body_another_secret_and_an_old_post_are_refused() -> None:
    for body, sent, secret in (
        (BODY.replace(b"running", b"succeed"), headers(), SECRET),
        (BODY, headers(), OTHER),
        (BODY, headers(ago=timedelta(minutes=6)), SECRET),
        (b"\xff\xfe", headers(), SECRET),
    ):
        with pytest.raises(NotFromTheFarm):
            verify(body, sent, secret)
    with pytest.raises(ValueError, match="secret"):
        verify(BODY, headers())
