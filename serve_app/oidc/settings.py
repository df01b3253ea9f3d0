"""Which identity provider people log in at, and what its word is worth here: ``RAYFARM_OIDC_*`` variables."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import ByteSize, Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from jobs.access import FarmRole, ProjectRole
from jobs.settings import FarmSettings
from serve_app.oidc.roles import grant_of
from serve_app.settings import Wait

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""All of them asymmetric (RFC 8725 section 3.1): with one secret for both sides a client could forge ID tokens."""


class OidcSettings(FarmSettings):
    """Durations take ISO 8601 (``PT30S``), sizes take units (``256KiB``)."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_OIDC_", frozen=True)

    issuer: str | None = None
    """The provider, exactly as its discovery document names itself, for example https://id.example.org/realms/studio.
    https, but on loopback. None: there is no single sign-on."""

    client_id: str | None = None
    """Of the farm, as it is registered there, with the redirect URI <public URL>/v1/auth/oidc/callback."""

    client_secret: SecretStr | None = None
    """None: a public client, whose logins PKCE alone protects."""

    scopes: tuple[str, ...] = ("openid", "email", "profile")
    """What is asked for; the role claim of some providers needs another one, such as `groups`."""

    button: Annotated[str, Field(min_length=1, max_length=60)] = "Single sign-on"
    """What people read where they choose it."""

    allowed_domains: tuple[str, ...] = ()
    """Domains of e-mail addresses that are let in, each exactly; none: all that the provider lets in."""

    create_accounts: bool = False
    """Whether who is not known yet gets an account, with no role but those of ``role_map``. Otherwise a person needs
    an invitation to their address, which their first login takes up."""

    link_by_email: bool = False
    """Whether who logs in first with the verified address of an account gets that account. Its password is void then:
    who made the account by somebody else's address does not stay in it."""

    trust_unsaid_emails: bool = False
    """Whether an address counts as verified when the provider says nothing of it (Microsoft Entra). Only for a provider
    whose people cannot choose their addresses; one that says `false` is never believed."""

    role_claim: str = "groups"
    """Claim that holds what ``role_map`` names: text or a list of it. Dots lead into objects: `realm_access.roles`."""

    role_map: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Value of the claim to roles: `{"render-admins": ["admin"], "film-crew": ["film:artist"]}`. Farm roles by name,
    roles in a project as `slug:role`. Given and taken back with each login; roles given by hand stay."""

    algorithms: tuple[Algorithm, ...] = ("RS256", "PS256", "ES256", "EdDSA")
    """Signatures of ID tokens that are accepted, whatever a token's header says."""

    session_lifetime: Wait = timedelta(hours=12)
    """After this a person goes to the provider again, however often the session was renewed: who has left the house
    is out, and roles are read anew. A working day."""

    post_logout_redirect_uri: str | None = None
    """Where the provider sends a browser that has signed out; it must be registered there. None: the provider shows a
    page of its own."""

    login_lifetime: Wait = timedelta(minutes=10)
    """From the button to the return: a password, a second factor, a forgotten telephone."""

    code_lifetime: Wait = timedelta(minutes=1)
    """Life of the farm's own one-time code, which the web page or the CLI changes for tokens at once."""

    request_timeout: Wait = timedelta(seconds=10)
    """One request to the provider, connecting included; beyond it somebody waits at a blank page."""

    max_response_bytes: ByteSize = ByteSize(256 * 2**10)
    """Largest answer of the provider that is read; a discovery document is 5 kB, a set of keys 20."""

    metadata_lifetime: Wait = timedelta(hours=1)
    """How long the discovery document and the keys are used before they are read again."""

    keys_pause: Wait = timedelta(seconds=10)
    """An unknown key is looked for at the provider at once, and then not again for so long."""

    leeway: Wait = timedelta(seconds=30)
    """Difference between the provider's clock and ours that an ID token's times may have."""

    max_returns: Annotated[int, Field(ge=1)] = 32
    """Logins that one process checks with the provider at once; who comes then is asked to come again."""

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        if value is None or is_safe_address(value):
            return value
        raise ValueError("needs an https address without query, fragment or user (plain http only on loopback)")

    @field_validator("post_logout_redirect_uri")
    @classmethod
    def _is_a_page(cls, value: str | None) -> str | None:
        if value is None or urlsplit(value).scheme in ("http", "https"):
            return value
        raise ValueError("needs an http address")

    @field_validator("scopes")
    @classmethod
    def _asks_for_an_identity(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value or not all(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", each) for each in value):
            raise ValueError("needs `openid` among the scopes, and no blanks in any")
        return value

    @field_validator("allowed_domains")
    @classmethod
    def _in_lower_case(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(each.strip().lower().removeprefix("@") for each in value)

    @field_validator("role_map")
    @classmethod
    def _names_roles(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for grant in (each for grants in value.values() for each in grants):
            try:
                grant_of(grant)
            except ValueError as error:
                roles = f"one of {', '.join(FarmRole)}, nor `slug:` with one of {', '.join(ProjectRole)}"
                raise ValueError(f"{grant!r} is neither {roles}") from error
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> OidcSettings:
        if (self.issuer is None) != (self.client_id is None):
            raise ValueError("RAYFARM_OIDC_ISSUER and RAYFARM_OIDC_CLIENT_ID need each other")
        return self


def is_safe_address(url: str) -> bool:
    """https without extras, or loopback, where nobody else listens on the wire (RFC 8252 section 8.3)."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its number; names resolve to what somebody says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
