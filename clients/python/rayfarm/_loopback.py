"""Waits on this machine for the browser to come back from a login (RFC 8252 section 7.3)."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_ONE_REQUEST_S = 10.0
"""Browsers open connections that they say nothing on; each has a thread of its own, for so long."""

_PAGE = """<!doctype html><meta charset="utf-8"><title>Rayfarm</title>
<body style="font-family: sans-serif; margin: 4em"><h1>{title}</h1><p>{text}</p></body>
"""


class LoopbackListener(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1, on an address that nobody can guess, for one answer with our ``state``.

    Anything else that comes is refused and changes nothing: another page of the browser, or another program of this
    machine, can neither bring a login of somebody else nor end the wait.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answered = threading.Event()
        self.state = secrets.token_urlsafe(32)
        self._path = f"/{secrets.token_urlsafe(16)}"
        self.came: Mapping[str, str] | None = None

    @property
    def return_to(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self._path}"

    def wait(self, within: timedelta) -> Mapping[str, str] | None:
        """What the browser brought: ``code``, or ``error``; None: nothing until then."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            self.answered.wait(within.total_seconds())
        finally:
            self.shutdown()
            thread.join()
        return self.came

    def take(self, target: str) -> bool:
        """Whether this request is the return of our login."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        ours = hmac.compare_digest(parts.path.encode(), self._path.encode())
        if not ours or not hmac.compare_digest(query.get("state", "").encode(), self.state.encode()):
            return False
        if self.came is not None or not (query.get("code") or query.get("error")):
            return False
        self.came = query
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody hung up; the browser comes again."""


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackListener
    timeout = _ONE_REQUEST_S

    def do_GET(self) -> None:
        if not self.server.take(self.path):
            self._answer(404, "Nothing here", "This address waits for one login, and this was not it.")
            return
        try:
            if self.server.came is not None and self.server.came.get("code"):
                self._answer(200, "Almost done", "The terminal has your login now; you can close this page.")
            else:
                self._answer(200, "You are not logged in", "The terminal says why. You can close this page.")
        finally:
            self.server.answered.set()

    def _answer(self, status: int, title: str, text: str) -> None:
        """Nothing of the request stands in it."""
        body = _PAGE.format(title=title, text=text).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Never: the code stands in the request line."""
