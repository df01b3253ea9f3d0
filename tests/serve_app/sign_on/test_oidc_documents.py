"""Whose address somebody has whom the ID token and UserInfo tell different things of."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from serve_app.oidc.fetching import Answer
from serve_app.oidc.pending import PendingLogins
from serve_app.oidc.people import person_of
from serve_app.oidc.provider import IdentityProvider
from serve_app.oidc.settings import OidcSettings

ISSUER = "https://id.example.org"
BOSS, MALLORY = {"email": "boss@studio.example"}, {"email": "mallory@elsewhere.example"}
YES, NO = {"email_verified": True}, {"email_verified": False}


@pytest.fixture(autouse=True)
def environment() -> None:
    """No provider listens: these documents are the tests' own."""


async def address(monkeypatch: pytest.MonkeyPatch, *, token: dict[str, Any], info: dict[str, Any], **more: Any) -> Any:
    """By a provider that says ``token`` in the ID token and ``info`` at its UserInfo endpoint."""
    settings = OidcSettings(issuer=ISSUER, client_id="farm", role_map={"admins": ("admin",)}, **more)
    provider = IdentityProvider(settings=settings)
    login = PendingLogins.begin(redirect_uri="x", return_to=None, code_challenge=None, client_state=None)
    key, now = rsa.generate_private_key(public_exponent=65537, key_size=2048), int(time.time())
    claims = {"iss": ISSUER, "aud": "farm", "sub": "mallory", "iat": now, "exp": now + 60, "nonce": login.nonce}
    signed = jwt.encode({**claims, **token}, key, algorithm="RS256", headers={"kid": "1"})
    documents: dict[str, dict[str, Any]] = {
        "/.well-known/openid-configuration": {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/a",
            "token_endpoint": f"{ISSUER}/t",
            "jwks_uri": f"{ISSUER}/k",
            "userinfo_endpoint": f"{ISSUER}/u",
        },
        "/k": {"keys": [{**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": "1"}]},
        "/t": {"id_token": signed, "access_token": "at"},
        "/u": {"sub": "mallory", **info},
    }

    async def ask(_method: str, url: str, **_: Any) -> Answer:
        return Answer(200, documents[url.removeprefix(ISSUER)])

    monkeypatch.setattr(provider._http, "ask", ask)
    vouched = await provider.vouch_for(login, code="c")
    person = person_of(vouched.claims, settings)
    await provider.close()
    return person.email


@pytest.mark.parametrize(
    ("token", "info", "believed"),
    [
        (BOSS, {**MALLORY, **YES}, MALLORY["email"]),
        ({**BOSS, **NO}, {**MALLORY, **YES}, None),
        ({**BOSS, **YES}, {**MALLORY, **NO}, BOSS["email"]),
        (YES, MALLORY, None),
        (YES, {**MALLORY, **YES}, MALLORY["email"]),
        (BOSS, YES, None),
        (BOSS, MALLORY, None),
        ({}, {}, None),
    ],
)
async def test_an_address_is_verified_by_the_document_that_names_it(
    monkeypatch: pytest.MonkeyPatch, token: dict[str, Any], info: dict[str, Any], believed: str | None
) -> None:
    assert await address(monkeypatch, token=token, info=info) == believed


async def test_a_trusted_directory_that_leaves_it_unsaid_is_asked_for_its_id_token_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await address(monkeypatch, token=BOSS, info=MALLORY, trust_unsaid_emails=True) == BOSS["email"]
