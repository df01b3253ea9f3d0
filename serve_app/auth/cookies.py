"""Sessions of browsers: the refresh token in a cookie that no script reads, and that no other site's page spends.

A page that holds its token itself loses it with the first script that is slipped into it, for as long as the session
lives. What is left to such a script here is to ask while the page is open.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request, Response

from jobs.errors import Forbidden, Unauthorized
from serve_app.auth.schemas import Session, SessionPlace
from serve_app.dependencies import PublicUrl, Services

_OWN = frozenset({"same-origin", "none"})
"""Of ``Sec-Fetch-Site`` (Fetch Metadata): the farm's own page, or the person by themselves."""


class SessionCookie:
    """The cookie of one request's browser."""

    def __init__(self, request: Request, *, public_url: str, lifetime: timedelta) -> None:
        self._request = request
        self._public_url = public_url.rstrip("/")
        self._lifetime = lifetime
        self._is_secure = public_url.startswith("https:")
        # With the prefix no other host of the domain can set it, and so put its own session into somebody's browser
        # (RFC 6265bis section 4.1.3.2); it needs https and the path `/`. Nothing but `/v1/auth` reads it.
        self.name = "__Host-rayfarm-session" if self._is_secure else "rayfarm-session"
        self._path = "/" if self._is_secure else "/v1/auth"

    def read(self) -> str | None:
        """The refresh token. Raises ``Forbidden`` where the request is not of a page of this farm."""
        self.require_own_page()
        return self._request.cookies.get(self.name) or None

    def require(self) -> str:
        """The same; raises ``Unauthorized`` where there is none."""
        token = self.read()
        if token is None:
            raise Unauthorized(
                "This browser has no session.",
                remedy="Log in. A program sends its refresh_token in the body.",
            )
        return token

    def keep(self, response: Response, session: Session) -> Session:
        """Put the refresh token into the cookie, and take it out of what scripts read."""
        assert session.refresh_token is not None  # of a session that has just begun or been renewed
        response.set_cookie(
            self.name,
            session.refresh_token,
            max_age=int(self._lifetime.total_seconds()),
            path=self._path,
            secure=self._is_secure,
            httponly=True,
            samesite="strict",
        )
        return session.model_copy(update={"refresh_token": None})

    def keep_as_asked(self, response: Response, session: Session, place: SessionPlace) -> Session:
        """The answer to a login, which says where its session is to be kept."""
        return self.keep(response, session) if place == "cookie" else session

    def replaced_by(self, place: SessionPlace) -> str | None:
        """The refresh token that a login whose session goes into the cookie takes the place of. Raises ``Forbidden``
        as ``read`` does, before anything of the login is done."""
        return self.read() if place == "cookie" else None

    def drop(self, response: Response) -> None:
        """Take the cookie back.

        Of a session that has ended by itself it stays, worth nothing: were it taken back with the refusal, one that
        comes late would take that of another tab, which has logged in meanwhile.
        """
        response.delete_cookie(self.name, path=self._path, secure=self._is_secure, httponly=True, samesite="strict")

    def require_own_page(self) -> None:
        """Raises ``Forbidden`` for a request that a browser sends for another site's page.

        The cookie is ``SameSite=Strict``; this also holds for pages of other hosts of the same domain. What the browser
        says itself (``Sec-Fetch-Site``) counts first: it is right behind proxies that change the host, too. Over plain
        http a browser says ``Origin`` alone.
        """
        headers = self._request.headers
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site == "same-origin":
            return
        own = {self._public_url, str(self._request.base_url).rstrip("/")}
        if (site is not None and site not in _OWN) or (origin is not None and origin not in own):
            raise Forbidden(
                "Sessions in a cookie are for the pages of this farm alone.",
                remedy="Open the farm at its own address. Is this it, the operator sets RAYFARM_API_PUBLIC_URL to what "
                "the browser shows.",
            )


async def _session_cookie(request: Request, services: Services, public_url: PublicUrl) -> SessionCookie:
    return SessionCookie(request, public_url=public_url, lifetime=services.settings.refresh_token_lifetime)


Cookie = Annotated[SessionCookie, Depends(_session_cookie)]
