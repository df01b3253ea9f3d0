"""Secrets of webhooks: derived, not stored; signed as Standard Webhooks says."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from jobs.errors import InvalidSettings
from jobs.webhooks import MAX_LISTED, NoWebhookKey, WebhookSecrets, WebhookSettings, body_of, signed_headers

OLD, NEW = SecretStr("the-key-of-the-year-before-0123456789"), SecretStr("the-key-of-this-year-0123456789-0123")


def test_a_secret_is_found_again_and_is_another_for_each_webhook_and_each_rotation() -> None:
    secrets = WebhookSecrets(WebhookSettings(key=NEW))
    seed, webhook = secrets.new(), uuid4()
    secret = secrets.secret_of(seed, webhook_id=webhook)
    assert secret == WebhookSecrets(WebhookSettings(key=NEW)).secret_of(seed, webhook_id=webhook)
    assert (
        len({secret, secrets.secret_of(seed, webhook_id=uuid4()), secrets.secret_of(secrets.new(), webhook_id=webhook)})
        == 3
    )
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64


def test_a_key_of_before_still_signs_and_new_secrets_come_from_the_new_one() -> None:
    webhook = uuid4()
    before = WebhookSecrets(WebhookSettings(key=OLD))
    seed = before.new()
    after = WebhookSecrets(WebhookSettings(key=NEW, previous_keys=(OLD,)))
    assert after.secret_of(seed, webhook_id=webhook) == before.secret_of(seed, webhook_id=webhook)
    assert after.new().key_id != seed.key_id
    with pytest.raises(NoWebhookKey, match="rotate"):
        WebhookSecrets(WebhookSettings(key=NEW)).secret_of(seed, webhook_id=webhook)


def test_without_a_key_there_is_no_secret() -> None:
    with pytest.raises(NoWebhookKey, match="RAYFARM_WEBHOOK_KEY"):
        WebhookSecrets(WebhookSettings()).new()
    with pytest.raises(InvalidSettings, match="32 bytes"):
        WebhookSettings(key=SecretStr("short"))


def test_each_secret_verifies_the_signatures_by_the_specifications_own_library() -> None:
    secrets = WebhookSecrets(WebhookSettings(key=NEW))
    both = [secrets.secret_of(secrets.new(), webhook_id=uuid4()) for _ in range(2)]
    body = body_of(kind="job.state", at=datetime.now(UTC), data={"state": "läuft"}, about={"job": "j"})
    headers = signed_headers(body, message_id="msg_1", at=datetime.now(UTC), secrets_=both)
    for secret in both:
        assert Webhook(secret).verify(body, headers)["data"] == {"state": "läuft", "job": "j"}
    assert len(headers["webhook-signature"].split(" ")) == 2


def test_a_long_list_is_cut_and_says_so_and_whose_event_it_is_cannot_be_overwritten() -> None:
    data = {"frames": list(range(MAX_LISTED + 5)), "job": "another's"}
    said = json.loads(body_of(kind="frames.skipped", at=datetime.now(UTC), data=data, about={"job": "mine"}))["data"]
    assert (len(said["frames"]), said["frames_omitted"], said["job"]) == (MAX_LISTED, 5, "mine")
