"""Logging in at a farm and out of it: by password, or in a browser at the farm's identity provider."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from rayfarm._login_auth import renewed
from rayfarm._logins import Login, Logins, normal
from rayfarm._loopback import LoopbackListener
from rayfarm._transport import Transport
from rayfarm.errors import ClientError, UsageError
from rayfarm.types import Json
from rayfarm.version import __version__

BROWSER_WAIT = timedelta(minutes=10)
"""As long as the farm itself lets a login at the provider take (`RAYFARM_OIDC_LOGIN_LIFETIME`)."""


class SignInRefused(UsageError):
    """Nobody was logged in."""

    code = "sign-in-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """How a logout went."""

    login: Login | None
    """That has ended here; None: nobody was logged in."""
    trouble: ClientError | None
    """Why the farm was not told. The session is then good until it runs out, for whoever has its tokens."""
    end_session_url: str | None = None
    """Where a browser ends the session at the identity provider, which goes on by itself."""


def with_password(logins: Logins, url: str, *, email: str, password: str) -> Login:
    """Raises ``FarmRefused``: for a wrong address or password, and where too many have failed."""
    with _at(url) as farm:
        asked = {"email": email, "password": password}
        return _keep(logins, url, farm.json("POST", "/v1/auth/login", json=asked, repeatable=False))


def through_browser(
    logins: Logins, url: str, *, show: Callable[[str], None], within: timedelta = BROWSER_WAIT
) -> Login:
    """``show`` brings a person's browser to an address.

    What comes back by the browser is a code that is good once, within a minute, and only with a secret that never
    leaves this process (PKCE, RFC 7636). Raises ``SignInRefused``, ``FarmRefused``.
    """
    with _at(url) as farm:
        if farm.json("GET", "/v1/auth/methods").get("single_sign_on") is None:
            raise SignInRefused(
                f"{url} has no single sign-on.", remedy=f"Log in with a password: rayfarm login --server {url}"
            )
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        with LoopbackListener() as listener:
            asked = {
                "return_to": listener.return_to,
                "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
                "state": listener.state,
            }
            show(f"{normal(url)}/v1/auth/oidc/login?{urlencode(asked)}")
            came = listener.wait(within)
        if came is None:
            raise SignInRefused(
                f"Nobody came back from the browser within {within.total_seconds() / 60:.0f} minutes.",
                remedy="Log in again. The browser must run on this machine: it comes back to 127.0.0.1.",
            )
        if not came.get("code"):
            raise SignInRefused(
                came.get("error_description") or f"The farm let nobody in ({came['error']}).",
                remedy="Log in as somebody whom the farm knows, or ask its operator.",
            )
        exchange = {"code": came["code"], "code_verifier": verifier}
        return _keep(logins, url, farm.json("POST", "/v1/auth/oidc/token", json=exchange, repeatable=False))


def log_out(logins: Logins, url: str) -> Left:
    """End the session at the farm, and forget it here whether the farm answers or not."""
    with logins.hold(url):
        try:
            login = logins.find(url)
        except UsageError:
            logins.forget(url)  # a damaged file is a login that nobody can use
            raise
        if login is None:
            return Left(login=None, trouble=None)
        logins.forget(url)
    try:
        return Left(login=login, trouble=None, end_session_url=_end(login))
    except ClientError as error:
        return Left(login=login, trouble=error)


def _keep(logins: Logins, url: str, tokens: Json) -> Login:
    """Find out who it is, and keep it in the place of a login of before, whose session ends."""
    fresh = renewed(
        Login(url=normal(url), account_id="", email="", access_token="", expires_at=0.0, refresh_token=""),
        tokens,
        time.time(),
    )
    with _at(url, access_token=fresh.access_token) as farm:
        me = farm.json("GET", "/v1/me")
    login = Login(
        url=fresh.url,
        account_id=str(me["id"]),
        email=str(me["email"]),
        access_token=fresh.access_token,
        expires_at=fresh.expires_at,
        refresh_token=fresh.refresh_token,
    )
    with logins.hold(url):
        try:
            before = logins.find(url)
        except UsageError:
            before = None
        logins.keep(login, newest=True)
    if before is not None:
        with suppress(ClientError):  # it runs out by itself; the new login is what was asked for
            _end(before)
    return login


def _end(login: Login) -> str | None:
    """Where the browser ends its session at the identity provider, where there is one."""
    with _at(login.url) as farm:
        body = {"refresh_token": login.refresh_token}
        answer = farm.json("POST", "/v1/auth/logout", json=body, repeatable=True)
    return answer.get("end_session_url") if answer else None


def _at(url: str, *, access_token: str | None = None) -> _Farm:
    return _Farm(base_url=url, api_key=access_token, user_agent=f"rayfarm-python/{__version__}")


class _Farm(Transport):
    """A connection without a login of before."""

    def __enter__(self) -> _Farm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
