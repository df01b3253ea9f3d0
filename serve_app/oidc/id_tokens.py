"""Checks of an ID token (OpenID Connect Core 1.0 section 3.1.3.7), and the provider's keys, which it may change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import jwt
from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from serve_app.oidc.errors import IdentityProviderUnavailable, SignInFailed

_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "nonce")
_MOST_KEYS = 100
_LONGEST_SUBJECT = 255
"""OpenID Connect Core 1.0 section 2."""
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class ProviderKeys:
    """The provider's public keys. One that is not among them is looked for anew, at most once in a while."""

    def __init__(
        self, *, read: Callable[[], Awaitable[Mapping[str, Any]]], lifetime: timedelta, pause: timedelta
    ) -> None:
        """``read`` asks the provider for its key set (RFC 7517)."""
        self._read = read
        self._lifetime_s = lifetime.total_seconds()
        self._pause_s = pause.total_seconds()
        self._keys: list[jwt.PyJWK] = []
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def candidates(self, *, key_id: str | None, algorithm: str) -> list[jwt.PyJWK]:
        """The keys that may have made a signature of this algorithm."""
        found = self._matching(key_id, algorithm)
        if self._is_older_than(self._lifetime_s) or (not found and self._is_older_than(self._pause_s)):
            async with self._reading:
                if self._is_older_than(self._lifetime_s) or (
                    not self._matching(key_id, algorithm) and self._is_older_than(self._pause_s)
                ):
                    self._keys = _usable(await self._read())
                    self._read_at = time.monotonic()
            found = self._matching(key_id, algorithm)
        return found

    def _is_older_than(self, seconds: float) -> bool:
        return self._read_at is None or time.monotonic() - self._read_at > seconds

    def _matching(self, key_id: str | None, algorithm: str) -> list[jwt.PyJWK]:
        return [
            key
            for key in self._keys
            if key.key_type == _KEY_TYPES[algorithm[:2]] and (key_id is None or key.key_id == key_id)
        ]


def _usable(document: Mapping[str, Any]) -> list[jwt.PyJWK]:
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise IdentityProviderUnavailable("The identity provider's set of keys is none.")
    keys = []
    for each in listed:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig" or each.get("kty") == "oct":
            continue
        try:
            keys.append(jwt.PyJWK.from_dict(each))
        except jwt.PyJWTError:  # of a kind that we do not know; others may do
            continue
    return keys


class IdTokens:
    """Believes what one issuer says to one client."""

    def __init__(
        self, *, issuer: str, client_id: str, algorithms: Sequence[str], leeway: timedelta, keys: ProviderKeys
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._algorithms = frozenset(algorithms)
        self._leeway = leeway
        self._keys = keys

    async def read(self, token: str, *, nonce: str, access_token: str | None) -> dict[str, Any]:
        """Its claims. Raises ``SignInFailed`` with the name of what is wrong, and nothing of what the token says."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise _untrusted("is no signed token") from error
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._algorithms:
            raise _untrusted("is signed by an algorithm that is not allowed here (RAYFARM_OIDC_ALGORITHMS)")
        payload = self._verified(token, algorithm, await self._keys.candidates(key_id=key_id, algorithm=algorithm))
        claims = CodeIDToken(
            payload,
            header,
            options={"iss": {"essential": True, "value": self._issuer}},
            params={"client_id": self._client_id, "nonce": nonce, "access_token": access_token},
        )
        try:
            claims.validate(leeway=int(self._leeway.total_seconds()))
        except (JoseError, ValueError, TypeError) as error:
            raise _untrusted(f"does not hold ({getattr(error, 'claim', None) or type(error).__name__})") from error
        subject = payload["sub"]
        if not subject or len(subject) > _LONGEST_SUBJECT or "\x00" in subject:
            raise _untrusted("names nobody")
        return payload

    def _verified(self, token: str, algorithm: str, keys: Sequence[jwt.PyJWK]) -> dict[str, Any]:
        for key in keys:
            try:
                payload: dict[str, Any] = jwt.decode(
                    token,
                    key.key,
                    algorithms=[algorithm],
                    audience=self._client_id,
                    issuer=self._issuer,
                    leeway=self._leeway,
                    options={"require": list(_REQUIRED)},
                )
                return payload
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError as error:
                raise _untrusted("has expired") from error
            except (jwt.InvalidTokenError, jwt.InvalidKeyError) as error:
                raise _untrusted(f"does not hold ({type(error).__name__})") from error
        raise _untrusted("is not signed by a key of the provider")


def _untrusted(what: str) -> SignInFailed:
    return SignInFailed(
        f"The identity provider's word on who you are {what}.",
        remedy="Log in again; if it stays so, ask the farm's operator to look at the provider and the clocks.",
    )
