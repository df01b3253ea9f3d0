"""Bodies of the routes by which people log in."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from jobs.access import FarmRole, Permission, ProjectRole
from jobs.addresses import Email
from jobs.spec import Name

MAX_PASSWORD_LETTERS = 256
"""Argon2 takes any length; a longer one is no safer, and only costs."""
MIN_PASSWORD_LETTERS = 12
"""NIST SP 800-63B asks for 8 beside another factor and 15 without one; with the pause after failed logins, between."""


def _is_text(value: SecretStr) -> SecretStr:
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a surrogate pair") from error
    return value


Password = Annotated[SecretStr, Field(max_length=MAX_PASSWORD_LETTERS), AfterValidator(_is_text)]
NewPassword = Annotated[
    SecretStr,
    Field(
        min_length=MIN_PASSWORD_LETTERS,
        max_length=MAX_PASSWORD_LETTERS,
        description=f"{MIN_PASSWORD_LETTERS} letters or more, of any kind; a sentence is good.",
    ),
    AfterValidator(_is_text),
]
PersonName = Name


SessionPlace = Annotated[
    Literal["token", "cookie"],
    Field(
        description="Where the refresh token goes: into the answer, or, for pages of the farm, into a cookie that no "
        "script reads; then it is null in the answer.",
    ),
]


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email
    password: Password
    session: SessionPlace = "token"


class Refresh(BaseModel):
    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Absent: that of the cookie which a login with `session` = `cookie` has set."
    )


class Acceptance(BaseModel):
    """Taking up an invitation."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=200, description="Of the invitation.")]
    password: NewPassword = Field(
        description="The one to log in with; who has an account already gives the one that it has."
    )
    name: PersonName | None = Field(None, description="How others see you; needed where there is no account yet.")
    session: SessionPlace = "token"


class PasswordChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    old: Password
    new: NewPassword


class Session(BaseModel):
    """What a login gives (the names are RFC 6749's)."""

    access_token: str = Field(description="For `Authorization: Bearer`.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds for which the access token is good.")
    refresh_token: str | None = Field(
        description="Good once, for POST /v1/auth/refresh. Sent a second time, it ends the session: it was copied. "
        "null: it is in the cookie."
    )


class LoggedOut(BaseModel):
    """A session that has ended here and may go on at the identity provider."""

    end_session_url: str = Field(
        description="Send the person's browser there: it ends their session at the identity provider (OpenID Connect "
        "RP-Initiated Logout 1.0), which would let the next one at this browser in without a password."
    )


class SingleSignOnView(BaseModel):
    """Logging in at the identity provider."""

    name: str = Field(description="What people read on the button.")
    login: str = Field(description="Path at which it begins, in a browser.")


class LoginMethods(BaseModel):
    """The ways in."""

    password: bool = Field(description="Whether POST /v1/auth/login works here.")
    single_sign_on: SingleSignOnView | None = Field(description="null: there is none.")


class MembershipView(BaseModel):
    project: str = Field(description="Slug.")
    role: ProjectRole


class MeView(BaseModel):
    """Who one is, and what one may do here."""

    kind: Literal["account", "key"]
    id: UUID
    name: str
    email: str | None = None
    service_account: str | None = Field(None, description="Name of the service account that the key is of.")
    farm_role: FarmRole | None = None
    memberships: list[MembershipView]
    project: UUID | None = Field(None, description="The project that this request acts in.")
    permissions: list[Permission] = Field(description="There.")
