"""What the audit log may keep of a value."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import pytest
from pydantic import SecretStr

from jobs.redaction import MAX_ITEMS, MAX_TEXT, REDACTED, redacted, redacted_text


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "secret", "clientSecret", "refresh_token", "Authorization", "Cookie", "api_key", "key",
     "password_hash", "X-Amz-Signature", "private_pem", "signing_keys", "otp"],
)  # fmt: skip
def test_a_field_that_is_called_like_a_secret_is_not_kept(name: str) -> None:
    assert redacted({"deep": [{name: "value"}]}) == {"deep": [{name: REDACTED}]}


@pytest.mark.parametrize("name", ["name", "monkey", "keep_warm", "prefix", "scopes", "passes", "turnkey_at", "pinned"])
def test_a_field_that_only_sounds_like_one_is(name: str) -> None:
    assert redacted({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "secret",
    [
        "rf_abcdefgh_" + "S" * 43,
        "rfr_" + "S" * 43,
        "rfi_" + "S" * 43,
        "rfo_" + "S" * 43,
        "eyJhbGciOiJIUzI1NiJ9.eyJTIjoxfQ.SSSSSS",
        "whsec_" + "S" * 24,
        "sk_live_" + "S" * 24,
        "Bearer SSSSSSSSSSSS",
        "https://bucket.s3.example.org/file?X-Amz-Signature=SSSS&x=1",
        "https://user:SSSS@example.org/path",
        "http://farm/v1/files/SSSSSSSS",
        "http://farm/v1/archives/SSSSSSSS",
        "/v1/parts/SSSSSSSS",
        "-----BEGIN PRIVATE KEY-----\\nSSSS\\n-----END PRIVATE KEY-----",
        "https://example.org/cb#access_token=SSSS",
    ],
)
def test_a_credential_is_taken_out_of_any_text(secret: str) -> None:
    kept = redacted_text(f"before {secret} after")
    assert "SSS" not in kept
    assert kept.startswith("before ")
    assert kept.endswith(" after")


def test_what_is_long_is_cut_and_what_is_many_is_counted() -> None:
    kept = redacted({"frames": "1," * 40_000, "items": list(range(500)), "names": {str(n): n for n in range(500)}})
    assert isinstance(kept, dict)
    assert len(kept["frames"]) <= MAX_TEXT + 1
    assert kept["items"][-1] == f"[{500 - MAX_ITEMS} more]"
    assert kept["names"]["[more]"] == 500 - MAX_ITEMS
    deep: dict[str, object] = {}
    for _ in range(100):
        deep = {"deep": deep}
    assert "[deeper]" in json.dumps(redacted(deep))


def test_everything_becomes_json() -> None:
    class Colour(StrEnum):
        RED = "red"

    value = {
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "id": UUID(int=0),
        "colour": Colour.RED,
        "nan": float("nan"),
        "bytes": b"abc",
        "wrapped": SecretStr("abc"),
        "set": frozenset({"b", "a"}),
    }
    assert json.loads(json.dumps(redacted(value), allow_nan=False)) == {
        "at": "2026-01-01T00:00:00+00:00",
        "id": "00000000-0000-0000-0000-000000000000",
        "colour": "red",
        "nan": "nan",
        "bytes": REDACTED,
        "wrapped": REDACTED,
        "set": ["a", "b"],
    }
