"""Secrets that the farm must read again: what is kept shows nothing of them, and opens for its owner alone."""

from __future__ import annotations

from uuid import uuid4

import pytest
from pydantic import SecretStr

from jobs.sealed import CannotUnseal, NoSealingKey, Sealed, Seals
from jobs.webhooks import WebhookSettings

OLD, NEW = SecretStr("an-old-key-of-these-tests-alone-0001"), SecretStr("a-new-key-of-these-tests-alone-00002")


def test_what_was_sealed_opens_for_its_owner_alone() -> None:
    seals, owner = Seals(WebhookSettings(key=NEW)), uuid4()
    sealed = seals.seal("wJalrXUtnFEMI", owner=owner)
    assert seals.unseal(sealed, owner=owner) == "wJalrXUtnFEMI"
    assert b"wJalrXUtnFEMI" not in sealed.data
    with pytest.raises(CannotUnseal):
        seals.unseal(sealed, owner=uuid4())


def test_two_seals_of_one_secret_have_nothing_in_common() -> None:
    seals, owner = Seals(WebhookSettings(key=NEW)), uuid4()
    first, second = (seals.seal("same", owner=owner).data for _ in range(2))
    assert first[:28] != second[:28]
    assert first[28:] != second[28:]


def test_what_was_changed_does_not_open() -> None:
    seals, owner = Seals(WebhookSettings(key=NEW)), uuid4()
    sealed = seals.seal("secret", owner=owner)
    for place in (0, 20, 30, len(sealed.data) - 1):
        changed = bytearray(sealed.data)
        changed[place] ^= 1
        with pytest.raises(CannotUnseal):
            seals.unseal(Sealed(data=bytes(changed), key_id=sealed.key_id), owner=owner)


def test_an_older_key_opens_what_it_sealed_while_the_settings_keep_it() -> None:
    owner = uuid4()
    sealed = Seals(WebhookSettings(key=OLD)).seal("secret", owner=owner)
    assert Seals(WebhookSettings(key=NEW, previous_keys=(OLD,))).unseal(sealed, owner=owner) == "secret"
    with pytest.raises(CannotUnseal, match="RAYFARM_WEBHOOK_PREVIOUS_KEYS"):
        Seals(WebhookSettings(key=NEW)).unseal(sealed, owner=owner)


def test_a_farm_without_a_key_seals_nothing() -> None:
    with pytest.raises(NoSealingKey, match="RAYFARM_WEBHOOK_KEY"):
        Seals(WebhookSettings(key=None)).seal("secret", owner=uuid4())
