"""One HTTP connection to the farm that survives what passes: a restart of the API, a 503, a broken connection."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from rayfarm.errors import ClientError, FarmRefused, FarmUnreachable

Body = Callable[[], Iterable[bytes]]
"""Makes the body anew for every try."""

OnWait = Callable[[str, float], None]
"""Told once that the farm takes nothing for now: why, and for how many seconds at most it is asked again."""

_PASSING = frozenset({429, 502, 503, 504})
"""Answers that say: not now."""
_UNAVAILABLE = 503

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, version 00."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Hosts that no proxy of the environment can reach for us."""

_FOR_THE_FARM_ALONE = ("Authorization", "X-Rayfarm-Project")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """How patient the client is."""

    connect_timeout: timedelta = timedelta(seconds=5)
    read_timeout: timedelta = timedelta(seconds=90)
    """Above the longest wait that a request may ask of the farm (`?wait=`)."""
    first_contact: timedelta = timedelta(seconds=3)
    """How long a farm that has never answered is tried: a wrong address should be told at once."""
    patience: timedelta = timedelta(seconds=120)
    """How long a farm that has answered may be away: an API restart takes 10 to 60 s, a move of the head longer."""
    backoff_first: timedelta = timedelta(milliseconds=200)
    backoff_longest: timedelta = timedelta(seconds=5)
    connections: int = 8


class Transport:
    """Requests with retries. Only requests that may be repeated are: the caller says which (``repeatable``)."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None,
        user_agent: str,
        auth: httpx.Auth | None = None,
        project: str | None = None,
        settings: TransportSettings | None = None,
        transport: httpx.BaseTransport | None = None,
        on_wait: OnWait | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``auth``: a login, in the place of a key. ``project``: slug of the one to act in, for who is in several."""
        self.base_url = base_url.rstrip("/")
        self.settings = settings or TransportSettings()
        self._sleep = sleep
        self._clock = clock
        self._on_wait = on_wait
        self._answered = False
        self._stored = False
        """The storage behind the farm has taken something of ours."""
        headers = {"User-Agent": user_agent}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        if project:
            headers["X-Rayfarm-Project"] = project
        read = self.settings.read_timeout.total_seconds()
        self._http = httpx.Client(
            base_url=self.base_url,
            headers=headers,
            auth=auth,
            timeout=httpx.Timeout(read, connect=self.settings.connect_timeout.total_seconds()),
            limits=httpx.Limits(max_connections=self.settings.connections),
            transport=transport,
            trust_env=httpx.URL(self.base_url).host not in LOOPBACK,
        )

    def close(self) -> None:
        self._http.close()

    def json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> Any:
        """The answer's JSON; ``FarmRefused`` for a problem, ``FarmUnreachable`` when patience ends."""
        response = self.request(method, path, params=params, json=json, headers=headers, repeatable=repeatable)
        return self.read_json(response, path)

    def read_json(self, response: httpx.Response, path: str) -> Any:
        """The JSON of an answer; None where it has no body. ``FarmUnreachable`` for what is no JSON."""
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise FarmUnreachable(
                f"{self.base_url} answered {path} with something that is no JSON.",
                remedy="Is this the address of a Rayfarm API?",
            ) from error

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: object | None = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> httpx.Response:
        """One request, read whole."""
        retry = self.retries(repeatable=method in ("GET", "PUT", "DELETE") if repeatable is None else repeatable)
        while True:
            self._require_open()
            try:
                response = self._http.request(
                    method,
                    path,
                    params=_present(params),
                    json=json,
                    content=body() if body else None,
                    headers={**_trace_headers(method), **(headers or {})},
                )
            except httpx.TransportError as error:
                self._require_open()  # closed by another thread in mid-request: nothing to wait for
                retry.after_error(error)
                continue
            self._answered = True
            if _passes(response) and retry.after_answer(response):
                continue
            if response.is_error:
                raise refusal(response)
            return response

    @contextmanager
    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, read_timeout: timedelta | None = None
    ) -> Iterator[httpx.Response]:
        """One GET, read piece by piece and not repeated: the caller knows where to resume.

        An address of another host (a presigned URL) is asked without our key.
        """
        self._require_open()
        request = self._http.build_request("GET", url, headers=dict(headers or {}))
        ours = _origin(request.url) == _origin(httpx.URL(self.base_url))
        if not ours:
            _strip(request)
        if read_timeout is not None:
            request.extensions["timeout"] = {**request.extensions["timeout"], "read": read_timeout.total_seconds()}
        auth = httpx.USE_CLIENT_DEFAULT if ours else None
        response = self._http.send(request, auth=auth, stream=True, follow_redirects=True)
        try:
            self._answered = True
            if response.is_error:
                response.read()
            yield response
        finally:
            response.close()

    def put(self, url: str, *, body: Body, size_bytes: int) -> None:
        """PUT to a link that needs no key, of this farm or of its storage; ours is sent to neither."""
        patience = self.settings.patience if self._stored else self.settings.first_contact
        retry = self.retries(patience=patience)
        while True:
            self._require_open()
            request = self._http.build_request("PUT", url, content=body(), headers={"Content-Length": str(size_bytes)})
            _strip(request)
            try:
                response = self._http.send(request, auth=None)
            except httpx.TransportError as error:
                self._require_open()
                retry.after_error(error)
                continue
            if _passes(response) and retry.after_answer(response):
                continue
            if response.is_error:
                raise refusal(response)
            self._stored = True
            return

    def _require_open(self) -> None:
        if self._http.is_closed:
            raise ClientError("This client has been closed.")

    def retries(self, *, repeatable: bool = True, patience: timedelta | None = None) -> Retries:
        """A fresh series of tries under this transport's patience, or one of its own."""
        patience = patience or (self.settings.patience if self._answered else self.settings.first_contact)
        return Retries(
            base_url=self.base_url,
            patience=patience if repeatable else timedelta(0),
            settings=self.settings,
            sleep=self._sleep,
            clock=self._clock,
            on_wait=self._on_wait,
        )


def _trace_headers(method: str) -> dict[str, str]:
    """What is submitted belongs to the trace of the variable TRACEPARENT, where a caller has set one; reads do not."""
    parent = os.environ.get("TRACEPARENT", "")
    return {"traceparent": parent} if method == "POST" and _TRACEPARENT.fullmatch(parent) else {}


class Retries:
    """Back-off with jitter until patience ends; ``reset`` after progress."""

    def __init__(
        self,
        *,
        base_url: str,
        patience: timedelta,
        settings: TransportSettings,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
        on_wait: OnWait | None = None,
    ) -> None:
        self._on_wait = on_wait
        self._base_url = base_url
        self._patience = patience.total_seconds()
        self._settings = settings
        self._sleep = sleep
        self._clock = clock
        self._begin()

    def reset(self) -> None:
        """It works again: the next trouble gets the whole patience."""
        self._patience = self._settings.patience.total_seconds()
        self._begin()

    def _begin(self) -> None:
        self._since: float | None = None
        self._tries = 0
        self._told = False

    def after_error(self, error: Exception) -> None:
        """Wait before the next try, or raise ``FarmUnreachable``."""
        if not self._wait(None):
            raise FarmUnreachable(
                f"The farm at {self._base_url} does not answer ({_words(error)}).",
                remedy="Is it up (`rayfarm status`), and is the address right (--url, RAYFARM_URL)?",
            ) from error

    def after_answer(self, response: httpx.Response) -> bool:
        """Wait before the next try; False: patience ended, and the answer is the result."""
        return self._wait(_retry_after(response), refused=response)

    def _wait(self, asked: float | None, *, refused: httpx.Response | None = None) -> bool:
        now = self._clock()
        self._since = now if self._since is None else self._since
        left = self._since + self._patience - now
        ceiling = min(
            self._settings.backoff_longest.total_seconds(),
            self._settings.backoff_first.total_seconds() * 2**self._tries,
        )
        pause = max(ceiling * random.uniform(0.5, 1.0), asked or 0.0)  # noqa: S311 - jitter, not a secret
        if pause > left:
            return False
        if refused is not None and refused.status_code == _UNAVAILABLE and self._on_wait and not self._told:
            self._told = True
            self._on_wait(refusal(refused).message, left)
        self._tries = min(self._tries + 1, 16)
        self._sleep(pause)
        return True


def refusal(response: httpx.Response) -> FarmRefused | FarmUnreachable:
    """The error that an answer above 399 stands for."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    error = FarmRefused(status=response.status_code, problem=problem if isinstance(problem, dict) else {})
    if _passes(response) and response.status_code != 429:
        remedy = error.remedy or "Try again in a while; see `rayfarm status`."
        return FarmUnreachable(error.message, remedy=remedy, problem=error.problem)
    return error


def _passes(response: httpx.Response) -> bool:
    """Whether it says: not now. A 500 that is no problem document (RFC 9457) is not the farm's word: Serve's proxy
    answers so when the replica behind it died, and S3 when the request may be sent again. Nor is a 404 in plain text:
    while a farm starts, its proxy knows no path yet."""
    media_type = str(response.headers.get("Content-Type", ""))
    if response.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
        return not media_type.startswith("application/problem+json")
    if response.status_code == httpx.codes.NOT_FOUND:
        return media_type.startswith("text/plain")
    return response.status_code in _PASSING


def _strip(request: httpx.Request) -> None:
    for name in _FOR_THE_FARM_ALONE:
        request.headers.pop(name, None)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return (url.scheme, url.host, url.port)


def _present(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {key: value for key, value in params.items() if value is not None} if params else None


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
