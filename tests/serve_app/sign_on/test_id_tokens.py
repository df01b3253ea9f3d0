"""ID tokens that somebody made: each check of OpenID Connect Core section 3.1.3.7 has a token that it stops."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from serve_app.oidc.errors import SignInFailed
from serve_app.oidc.id_tokens import IdTokens, ProviderKeys

ISSUER, CLIENT, NONCE, ACCESS = "https://id.example.org", "rayfarm", "of this login", "an access token"
OURS, THEIRS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
GOOD: Mapping[str, Any] = {"iss": ISSUER, "sub": "ada", "aud": CLIENT, "nonce": NONCE}


def public(key: rsa.RSAPrivateKey, key_id: str) -> dict[str, Any]:
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": key_id, "use": "sig"}


def signed(key: Any = OURS, *, algorithm: str = "RS256", key_id: str | None = "1", **claims: Any) -> str:
    now = int(time.time())
    payload = {**GOOD, "iat": now, "exp": now + 60, **claims}
    headers = {} if key_id is None else {"kid": key_id}
    return jwt.encode({k: v for k, v in payload.items() if v is not None}, key, algorithm=algorithm, headers=headers)


def forged(header: dict[str, Any], sign: Any) -> str:
    now = int(time.time())
    parts = [header, {**GOOD, "iat": now, "exp": now + 60}]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return (text + b"." + base64.urlsafe_b64encode(sign(text)).rstrip(b"=")).decode()


class Provider:
    """Its keys, and how often they were asked for."""

    def __init__(self) -> None:
        self.keys = [public(OURS, "1")]
        self.asked = 0

    async def read(self) -> Mapping[str, Any]:
        self.asked += 1
        return {"keys": self.keys}

    def tokens(self, *, pause: timedelta = timedelta(hours=1), **options: Any) -> IdTokens:
        keys = ProviderKeys(read=self.read, lifetime=timedelta(hours=1), pause=pause)
        values = {"algorithms": ("RS256", "PS256", "ES256"), "leeway": timedelta(seconds=30), **options}
        return IdTokens(issuer=ISSUER, client_id=CLIENT, keys=keys, **values)


async def read(token: str, **options: Any) -> dict[str, Any]:
    return await Provider().tokens(**options).read(token, nonce=NONCE, access_token=ACCESS)


AT_HASH = base64.urlsafe_b64encode(hashlib.sha256(ACCESS.encode()).digest()[:16]).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"at_hash": AT_HASH},
        {"aud": [CLIENT]},
        {"aud": [CLIENT, "another"], "azp": CLIENT},
    ],
    ids=str,
)
async def test_a_good_token_is_believed(claims: dict[str, Any]) -> None:
    assert (await read(signed(**claims)))["sub"] == "ada"


async def test_a_token_that_ran_out_within_the_leeway_of_clocks_is_believed() -> None:
    assert (await read(signed(exp=int(time.time()) - 5)))["sub"] == "ada"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"nonce": "of another login"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a" * 256},
        {"sub": "a\x00"},
        {"exp": None},
        {"exp": int(time.time()) - 3600},
        {"iat": None},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"at_hash": "of-another-access-token"},
    ],
    ids=str,
)
async def test_a_token_with_one_wrong_claim_is_not(claims: dict[str, Any]) -> None:
    with pytest.raises(SignInFailed):
        await read(signed(**claims))


async def test_a_signature_of_another_key_is_not_believed() -> None:
    with pytest.raises(SignInFailed, match="not signed by a key of the provider"):
        await read(signed(THEIRS))


async def test_a_token_without_a_signature_is_not_believed() -> None:
    with pytest.raises(SignInFailed, match="algorithm"):
        await read(forged({"alg": "none"}, lambda _: b""))


async def test_the_providers_public_key_is_no_secret_to_sign_with() -> None:
    pem = OURS.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    token = forged({"alg": "HS256", "kid": "1"}, lambda text: hmac.digest(pem, text, "sha256"))
    with pytest.raises(SignInFailed, match="algorithm"):
        await read(token)


async def test_an_algorithm_that_the_operator_did_not_allow_is_refused() -> None:
    with pytest.raises(SignInFailed, match="algorithm"):
        await read(signed(), algorithms=("ES256",))


async def test_a_token_that_names_no_key_is_checked_with_all_of_its_kind() -> None:
    provider = Provider()
    provider.keys = [public(THEIRS, "0"), {"kty": "oct", "k": "c2VjcmV0"}, {"kty": "new"}, public(OURS, "1")]
    tokens = provider.tokens()
    assert (await tokens.read(signed(key_id=None), nonce=NONCE, access_token=None))["sub"] == "ada"


async def test_a_new_key_is_looked_for_at_once_and_an_unknown_one_not_each_time() -> None:
    provider = Provider()
    tokens = provider.tokens(pause=timedelta(microseconds=1))
    await tokens.read(signed(), nonce=NONCE, access_token=None)
    provider.keys = [public(THEIRS, "2")]
    await tokens.read(signed(THEIRS, key_id="2"), nonce=NONCE, access_token=None)
    assert provider.asked == 2
    patient = provider.tokens()
    for _ in range(5):
        with pytest.raises(SignInFailed):
            await patient.read(signed(key_id="of nobody"), nonce=NONCE, access_token=None)
    assert provider.asked == 3
