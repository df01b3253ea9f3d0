"""One identity provider: found by discovery, asked for codes, tokens and claims (OpenID Connect Core and Discovery)."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx
import structlog
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import get_well_known_url

from serve_app.oidc.errors import IdentityProviderUnavailable, SignInFailed
from serve_app.oidc.fetching import ProviderHttp
from serve_app.oidc.id_tokens import IdTokens, ProviderKeys
from serve_app.oidc.pending import PendingLogin
from serve_app.oidc.roles import values_of
from serve_app.oidc.settings import OidcSettings, is_loopback

log = structlog.get_logger(__name__)

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Vouched:
    """What the provider said of who logged in."""

    claims: Mapping[str, Any]
    id_token: str
    """As it came, checked."""


@dataclass(frozen=True, slots=True)
class _Metadata:
    """Of the discovery document, what is used."""

    document: Mapping[str, Any]

    def endpoint(self, name: str) -> str | None:
        found = self.document.get(name)
        return found if isinstance(found, str) else None

    def needed(self, name: str) -> str:
        found = self.endpoint(name)
        assert found is not None  # looked at when it was read
        return found


class IdentityProvider:
    """Keeps what it learnt of the provider for a while; one for each process."""

    def __init__(self, *, settings: OidcSettings) -> None:
        assert settings.issuer is not None
        assert settings.client_id is not None
        self.settings = settings
        self.issuer = settings.issuer
        self._client_id = settings.client_id
        self._http = ProviderHttp(
            timeout=settings.request_timeout,
            max_bytes=int(settings.max_response_bytes),
            use_proxies=self.issuer.startswith("https:"),
        )
        self._metadata: _Metadata | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()
        self._keys = ProviderKeys(read=self._read_keys, lifetime=settings.metadata_lifetime, pause=settings.keys_pause)
        self._id_tokens = IdTokens(
            issuer=self.issuer,
            client_id=self._client_id,
            algorithms=settings.algorithms,
            leeway=settings.leeway,
            keys=self._keys,
        )

    async def close(self) -> None:
        await self._http.close()

    async def authorization_url(self, login: PendingLogin) -> str:
        """Where the browser goes to log in."""
        metadata = await self._discover()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": login.redirect_uri,
            "scope": " ".join(self.settings.scopes),
            "state": login.state,
            "nonce": login.nonce,
            "code_challenge": create_s256_code_challenge(login.code_verifier),
            "code_challenge_method": "S256",
        }
        return _with_query(metadata.needed("authorization_endpoint"), asked)

    async def require_issuer(self, issuer: str | None) -> None:
        """The ``iss`` of the return (RFC 9207), against an answer that another provider was asked for."""
        says_so = (await self._discover()).document.get("authorization_response_iss_parameter_supported") is True
        is_ours = issuer is not None and hmac.compare_digest(issuer.encode(), self.issuer.encode())  # text: ASCII only
        if not is_ours and (says_so or issuer is not None):
            raise SignInFailed(
                "The answer is not of the identity provider that was asked.", remedy="Log in again, from the farm."
            )

    async def vouch_for(self, login: PendingLogin, *, code: str) -> Vouched:
        """Who has logged in, by the code that the browser brought back. Raises ``SignInFailed``."""
        metadata = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": login.redirect_uri,
            "code_verifier": login.code_verifier,
        }
        auth = self._authentication(metadata, form)
        answer = await self._http.ask("POST", metadata.needed("token_endpoint"), form=form, auth=auth)
        if answer.status >= 400:
            self._refused(answer.body)
        id_token, access_token = answer.body.get("id_token"), answer.body.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str | None):
            raise IdentityProviderUnavailable("The identity provider gave no ID token.")
        claims = await self._id_tokens.read(id_token, nonce=login.nonce, access_token=access_token)
        more = await self._more_claims(metadata, claims, access_token)
        return Vouched({**more, **claims, **_address_in(claims, more)}, id_token)

    async def end_session_url(self, *, id_token: str | None) -> str | None:
        """Where a browser ends its session at the provider (RP-Initiated Logout 1.0); None: the provider has none."""
        metadata = await self._discover()
        endpoint = metadata.endpoint("end_session_endpoint")
        if endpoint is None or not self._is_safe(endpoint):
            return None
        asked = {
            "client_id": self._client_id,
            "id_token_hint": id_token,
            "post_logout_redirect_uri": self.settings.post_logout_redirect_uri,
        }
        return _with_query(endpoint, {name: value for name, value in asked.items() if value is not None})

    def _authentication(self, metadata: _Metadata, form: dict[str, str]) -> httpx.Auth | None:
        """As the provider wants it (RFC 6749 section 2.3.1); where it says nothing, by Basic."""
        secret = self.settings.client_secret
        if secret is None:
            form["client_id"] = self._client_id
            return None
        methods = metadata.document.get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods:
            form |= {"client_id": self._client_id, "client_secret": secret.get_secret_value()}
            return None
        return httpx.BasicAuth(quote_plus(self._client_id), quote_plus(secret.get_secret_value()))

    async def _more_claims(
        self, metadata: _Metadata, claims: Mapping[str, Any], access_token: str | None
    ) -> Mapping[str, Any]:
        """From the UserInfo endpoint, where the ID token lacks what is needed (Core section 5.3)."""
        endpoint = metadata.endpoint("userinfo_endpoint")
        wants_roles = self.settings.role_map and not values_of(claims, self.settings.role_claim)
        if endpoint is None or access_token is None or ("email" in claims and not wants_roles):
            return {}
        answer = await self._http.ask("GET", endpoint, headers={"Authorization": f"Bearer {access_token}"})
        if answer.status >= 400:
            log.warning("no user info", action="oidc.userinfo", status=answer.status)
            return {}
        if answer.body.get("sub") != claims["sub"]:
            raise SignInFailed("The identity provider told of another person.", remedy="Log in again.")
        return answer.body

    def _refused(self, body: Mapping[str, Any]) -> None:
        error = body.get("error")
        if error == "invalid_grant":
            raise SignInFailed("This sign-in was used before, or took too long.", remedy="Log in again.")
        log.error("the provider refuses the farm", action="oidc.refused", error=str(error)[:100])
        raise IdentityProviderUnavailable(
            "The identity provider refuses the farm's own request.",
            remedy="The farm's operator checks RAYFARM_OIDC_CLIENT_ID, RAYFARM_OIDC_CLIENT_SECRET and the log.",
        )

    async def _read_keys(self) -> Mapping[str, Any]:
        answer = await self._http.ask("GET", (await self._discover()).needed("jwks_uri"))
        if answer.status >= 400:
            raise IdentityProviderUnavailable("The identity provider does not give its keys.")
        return answer.body

    async def _discover(self) -> _Metadata:
        """Discovery 1.0 section 4. Raises ``IdentityProviderUnavailable``."""
        lifetime_s = self.settings.metadata_lifetime.total_seconds()
        async with self._reading:
            if self._metadata is None or time.monotonic() - self._read_at > lifetime_s:
                answer = await self._http.ask("GET", get_well_known_url(self.issuer, external=True))
                self._metadata = self._checked(answer.status, answer.body)
                self._read_at = time.monotonic()
            return self._metadata

    def _checked(self, status: int, document: Mapping[str, Any]) -> _Metadata:
        if status >= 400 or document.get("issuer") != self.issuer:
            raise IdentityProviderUnavailable(
                "What was found at the identity provider's address is not that provider.",
                remedy="The farm's operator sets RAYFARM_OIDC_ISSUER to the `issuer` of the discovery document, to the "
                "letter.",
            )
        metadata = _Metadata(document)
        unsafe = [name for name in _NEEDED if not self._is_safe(metadata.endpoint(name))]
        unsafe += [
            name
            for name in ("userinfo_endpoint",)
            if metadata.endpoint(name) is not None and not self._is_safe(metadata.endpoint(name))
        ]
        if unsafe:
            raise IdentityProviderUnavailable(f"The identity provider has no safe {', '.join(unsafe)}.")
        return metadata

    def _is_safe(self, endpoint: str | None) -> bool:
        """https; plain http only where the issuer itself is on this machine, and the endpoint too."""
        if endpoint is None:
            return False
        try:
            parts = urlsplit(endpoint)
        except ValueError:
            return False
        if parts.scheme == "https":
            return bool(parts.hostname)
        return parts.scheme == "http" and is_loopback(parts.hostname or "") and self.issuer.startswith("http://")


def _address_in(id_token: Mapping[str, Any], user_info: Mapping[str, Any]) -> dict[str, Any]:
    """An address with what the same document says of it: that one address is verified says nothing of another.

    The document that says whether its address is verified goes first, and of two such the ID token.
    """
    both = (id_token, user_info)
    named = [each for each in both if "email" in each]
    chosen: Mapping[str, Any] = next((each for each in named if each.get("email_verified") is not None), {})
    chosen = chosen or next(iter(named), {})
    return {name: chosen.get(name) for name in ("email", "email_verified")}


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
