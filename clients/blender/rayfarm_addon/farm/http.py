# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to one farm by urllib: retried with back-off while the farm is away, stopped at once when asked to.

``urllib`` and not the SDK's httpx: Blender does not ship that, and an extension may bring no native wheels lightly.
"""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from .errors import FarmAway, FarmRefused, Stopped
from .places import Place

PASSING = frozenset({429, 502, 503, 504})
"""Answers that say: not now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the add-on tries, in seconds."""

    socket_s: float = 30.0
    """Longest quiet of a connection. Above the waits that are asked for, below what an artist takes for a hang."""
    first_s: float = 4.0
    """A farm that never answered: a wrong address should be told soon."""
    later_s: float = 120.0
    """A farm that has answered may be away that long: a restart of the API takes up to a minute."""
    pause_first_s: float = 0.3
    pause_longest_s: float = 10.0


class _Plain(http.client.HTTPConnection):
    """Reads the answer also where the farm gave it before the body was through (401, 413)."""

    def request(self, *arguments: Any, **options: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            super().request(*arguments, **options)


class _Secure(http.client.HTTPSConnection):
    """The same over TLS."""

    def request(self, *arguments: Any, **options: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            super().request(*arguments, **options)


class _PlainHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Plain, request)


class _SecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._trust = context

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Secure, request, context=self._trust)


class Farm:
    """One farm, for any thread; ``stop`` ends waits and uploads with ``Stopped``."""

    def __init__(
        self, place: Place, *, stop: threading.Event, patience: Patience | None = None, agent: str = "rayfarm-blender"
    ) -> None:
        self.place = place
        self.stop = stop
        self._patience = patience or Patience()
        self._agent = agent
        self._answered = False
        proxies = [urllib.request.ProxyHandler({})] if place.is_here else []
        self._opener = urllib.request.build_opener(_PlainHandler(), _SecureHandler(_trust()), *proxies)

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's JSON. Everything that is sent so may be repeated: the farm takes it once."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        asked = f"{path}?{urllib.parse.urlencode(query, doseq=True)}" if query else path
        text = self._repeated(method, asked, lambda: data, {**sent, **(headers or {})})
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise FarmAway(
                f"{self.place.url} answered with something that is no JSON.",
                remedy="Is this the address of a Rayfarm API?",
            ) from error

    def put(self, path: str, pieces: Any, *, size_bytes: int) -> None:
        """Send a body; ``pieces()`` makes it anew for every try."""
        headers = {"Content-Length": str(size_bytes), "Content-Type": "application/octet-stream"}
        self._repeated("PUT", path, lambda: self._until_stopped(pieces()), headers)

    @contextmanager
    def reading(self, url: str, *, start: int = 0) -> Iterator[http.client.HTTPResponse]:
        """One GET of a file, from byte ``start``; not repeated. Raises ``OSError`` for a broken line."""
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
        try:
            answer = self._opener.open(self._request("GET", url, None, headers), timeout=self._patience.socket_s)
        except urllib.error.HTTPError as error:
            with error:
                raise FarmRefused(status=error.code, problem=_problem(error)) from error
        with answer:
            yield answer

    def tries(self) -> Tries:
        return Tries(
            self.place.url,
            stop=self.stop,
            patience=self._patience,
            seconds=self._patience.later_s if self._answered else self._patience.first_s,
        )

    def _repeated(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> bytes:
        tries = self.tries()
        while True:
            if self.stop.is_set():
                raise Stopped
            request = self._request(method, path, body(), headers)
            try:
                with self._opener.open(request, timeout=self._patience.socket_s) as answer:
                    self._answered = True
                    return bytes(answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    self._answered = True
                    tries.answered()
                    if error.code in PASSING and tries.again_after(error.headers.get("Retry-After")):
                        continue
                    refusal = FarmRefused(status=error.code, problem=_problem(error))
                if error.code in PASSING and error.code != 429:
                    raise FarmAway(refusal.message, remedy=refusal.remedy or "Try again in a while.") from error
                raise refusal from error
            except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
                tries.after(error)

    def _request(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None, headers: Mapping[str, str]
    ) -> urllib.request.Request:
        url = path if "://" in path else f"{self.place.url}{path}"
        request = urllib.request.Request(url, data=body, method=method, headers=dict(headers))  # noqa: S310 - checked
        if request.type not in ("http", "https"):
            raise FarmAway(f"The farm named an address that is not http: {url[:80]}")
        request.add_header("User-Agent", self._agent)
        if _origin(url) == _origin(self.place.url):
            # "Unredirected": a redirect to a store must not carry the key along, which urllib would do by itself.
            if self.place.api_key:
                request.add_unredirected_header("Authorization", f"Bearer {self.place.api_key}")
            if self.place.project:
                request.add_unredirected_header("X-Rayfarm-Project", self.place.project)
        return request

    def _until_stopped(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self.stop.is_set():
                raise Stopped
            yield piece


class Tries:
    """Waits between tries, longer each time, until patience ends."""

    def __init__(self, url: str, *, stop: threading.Event, patience: Patience, seconds: float) -> None:
        self._url = url
        self._stop = stop
        self._patience = patience
        self._seconds = seconds
        self._since: float | None = None
        self._count = 0

    def answered(self) -> None:
        """There is a farm: "not now" gets the whole patience."""
        self._seconds = self._patience.later_s

    def reset(self) -> None:
        """It works again: the next trouble gets the whole patience."""
        self._since, self._count, self._seconds = None, 0, self._patience.later_s

    def after(self, error: Exception) -> None:
        """Wait, or raise ``FarmAway``."""
        if not self.again_after(None):
            reason = getattr(error, "reason", None) or error
            raise FarmAway(
                f"The farm at {self._url} does not answer ({reason}).",
                remedy="Is it up, is the address right, and does this machine reach it?",
            ) from error

    def again_after(self, asked: str | None) -> bool:
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        ceiling = min(self._patience.pause_longest_s, self._patience.pause_first_s * 2**self._count)
        pause = ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        with suppress(ValueError):
            pause = max(pause, float(asked)) if asked else pause
        if now + pause > self._since + self._seconds:
            return False
        self._count = min(self._count + 1, 10)
        if self._stop.wait(pause):
            raise Stopped
        return True


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _problem(error: urllib.error.HTTPError) -> Mapping[str, Any]:
    try:
        problem = json.loads(error.read(1 << 20))
    except (ValueError, OSError, http.client.HTTPException):
        return {}
    return problem if isinstance(problem, dict) else {}


def _trust() -> ssl.SSLContext:
    """The system's authorities, and those that come with Blender, whose own Python may know no others."""
    context = ssl.create_default_context()
    try:
        import certifi  # Blender ships it with requests; without it the system's own must do
    except ImportError:
        return context
    with suppress(OSError):
        context.load_verify_locations(certifi.where())
    return context
