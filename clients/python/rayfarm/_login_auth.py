"""Sends a login's access token with each request, and renews it in time."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any

import httpx

from rayfarm._logins import Login, Logins, command_for
from rayfarm.errors import FarmUnreachable, SignedOut

_AHEAD_S = 30.0
"""A token that ends so soon is renewed first: the request may wait on its way, and clocks run apart."""


class LoginAuth(httpx.Auth):
    """Of one farm. Thread-safe; any number of processes may use the same login."""

    def __init__(self, logins: Logins, login: Login, *, clock: Callable[[], float] = time.time) -> None:
        self._logins = logins
        self._login = login
        self._clock = clock

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """An answer that says "not now" to the renewal is the answer to the request: the transport tries again.

        Raises ``SignedOut`` where the session is over.
        """
        login = self._login
        if self._ends_soon(login):
            renewed = yield from self._renew(request, instead_of=login.access_token)
            if renewed is None:
                return
            login = renewed
        request.headers["Authorization"] = f"Bearer {login.access_token}"
        answer = yield request
        if answer.status_code != 401 or not _can_be_sent_again(request):
            return
        # Refused before its time: the farm has another key since, or this machine's clock was set.
        renewed = yield from self._renew(request, instead_of=login.access_token)
        if renewed is not None:
            request.headers["Authorization"] = f"Bearer {renewed.access_token}"
            yield request

    def _ends_soon(self, login: Login) -> bool:
        return login.expires_at - self._clock() < _AHEAD_S

    def _renew(
        self, request: httpx.Request, *, instead_of: str
    ) -> Generator[httpx.Request, httpx.Response, Login | None]:
        """None: the farm could not, and its answer was the last that went through."""
        url = self._login.url
        with self._logins.hold(url):
            kept = self._logins.find(url)
            if kept is None:
                raise SignedOut(f"You have logged out of {url}.", remedy=f"Log in: {command_for(url)}")
            if kept.account_id != self._login.account_id:  # what began as one person does not end as another
                raise SignedOut(
                    f"{kept.email} has logged in at {url} meanwhile, and this command was of {self._login.email}.",
                    remedy="Start it again as the one whom you mean.",
                )
            if hmac.compare_digest(kept.access_token, instead_of) or self._ends_soon(kept):
                answer = yield _refresh_request(request, kept)
                answer.read()
                if answer.status_code == 401:
                    raise SignedOut(f"Your session at {url} is over.", remedy=f"Log in again: {command_for(url)}")
                if answer.is_error:
                    return None
                kept = renewed(kept, _tokens(answer, url), self._clock())
                self._logins.keep(kept)
            self._login = kept
            return kept


def renewed(login: Login, tokens: Mapping[str, Any], now: float) -> Login:
    """The login with the next pair of tokens."""
    return Login(
        url=login.url,
        account_id=login.account_id,
        email=login.email,
        access_token=str(tokens["access_token"]),
        refresh_token=str(tokens["refresh_token"]),
        expires_at=now + float(tokens["expires_in"]),
    )


def _refresh_request(request: httpx.Request, login: Login) -> httpx.Request:
    headers = {name: request.headers[name] for name in ("User-Agent",) if name in request.headers}
    return httpx.Request(
        "POST",
        f"{login.url}/v1/auth/refresh",
        json={"refresh_token": login.refresh_token},
        headers=headers,
        extensions={name: value for name, value in request.extensions.items() if name == "timeout"},
    )


def _tokens(answer: httpx.Response, url: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = answer.json()
        return {name: found[name] for name in ("access_token", "refresh_token", "expires_in")}
    except (ValueError, KeyError, TypeError) as error:
        raise FarmUnreachable(f"{url} answered a renewal with something else than tokens.") from error


def _can_be_sent_again(request: httpx.Request) -> bool:
    """A body that is made while it is sent is used up."""
    try:
        _ = request.content
    except httpx.RequestNotRead:
        return False
    return True
