"""Requests to the identity provider: one time limit for the whole of each, one size, no redirects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from serve_app.oidc.errors import IdentityProviderUnavailable

_CHECK_IT = "Try again; if it stays so, the farm's operator checks RAYFARM_OIDC_ISSUER and the provider."


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Mapping[str, Any]


class ProviderHttp:
    """Small JSON documents, read whole. What the provider says is never shown to a stranger beyond its error code."""

    def __init__(self, *, timeout: timedelta, max_bytes: int, use_proxies: bool) -> None:
        """``use_proxies``: those of the environment; none of them can reach a provider on this machine."""
        self._timeout_s = timeout.total_seconds()
        self._max_bytes = max_bytes
        # No compression: what unpacks to gigabytes is small on the wire.
        self._http = httpx.AsyncClient(
            timeout=self._timeout_s,
            follow_redirects=False,
            trust_env=use_proxies,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "rayfarm"},
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer, a JSON object of whatever status below 500. Raises ``IdentityProviderUnavailable``."""
        try:
            async with asyncio.timeout(self._timeout_s):  # httpx counts each read by itself: drops could take for ever
                content = b""
                request = self._http.build_request(
                    method, url, data=dict(form) if form is not None else None, headers=dict(headers or {})
                )
                response = await self._http.send(request, auth=auth, stream=True)
                try:
                    async for piece in response.aiter_raw():
                        content += piece
                        if len(content) > self._max_bytes:
                            raise self._unusable(url, f"answers with more than {self._max_bytes} bytes")
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise self._unusable(url, f"has not answered for {self._timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unusable(url, f"cannot be reached ({type(error).__name__})") from error
        if response.status_code >= 500 or response.is_redirect:
            raise self._unusable(url, f"answers with status {response.status_code}")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._unusable(url, "answers with something that is no JSON") from error
        if not isinstance(body, dict):
            raise self._unusable(url, "answers with something that is no JSON object")
        return Answer(response.status_code, body)

    def _unusable(self, url: str, what: str) -> IdentityProviderUnavailable:
        return IdentityProviderUnavailable(f"The identity provider at {httpx.URL(url).host} {what}.", remedy=_CHECK_IT)
