"""A real HTTP server on loopback whose answers a test scripts: what a farm does when things go wrong."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request, with short words to answer it."""

    protocol_version = "HTTP/1.1"
    server: FarmServer

    def log_message(self, format: str, *args: Any) -> None:
        return None

    @property
    def body(self) -> bytes:
        return self._body

    def json(self, value: object, status: int = 200, **headers: str) -> None:
        self.bytes(json.dumps(value).encode(), status, **{"Content-Type": "application/json", **headers})

    def problem(self, status: int, code: str, detail: str, **more: Any) -> None:
        body = json.dumps({"status": status, "code": code, "detail": detail, **more})
        self.bytes(body.encode(), status, Content_Type="application/problem+json")

    def bytes(self, content: bytes, status: int = 200, *, promised: int | None = None, **headers: str) -> None:
        """Answer; with ``promised`` more than the content's length, the answer is cut off."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content) if promised is None else promised))
        self.end_headers()
        self.wfile.write(content)
        if promised is not None and promised > len(content):
            self.drop()

    def stream(self, *pieces: str) -> None:
        """Server-sent events, then the end of the connection."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece.encode())
            self.wfile.flush()
        self.close_connection = True

    def drop(self) -> None:
        """End the connection without another word."""
        self.wfile.flush()
        self.close_connection = True

    def _handle(self) -> None:
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        for method, pattern, handler in self.server.routes:
            if method == self.command and re.fullmatch(pattern, path):
                handler(self)
                return
        self.problem(404, "route-not-found", f"no route {self.command} {path}")

    do_GET = do_POST = do_PUT = do_DELETE = _handle


class FarmServer(ThreadingHTTPServer):
    """Routes in the order that they were added; the newest wins."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.routes: list[tuple[str, str, Handler]] = []
        self.seen: list[tuple[str, str, dict[str, str]]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in mid-answer is what some tests are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def on(self, method: str, pattern: str, handler: Handler) -> None:
        self.routes.insert(0, (method, pattern, handler))

    def answer(self, method: str, pattern: str, value: object, status: int = 200) -> None:
        self.on(method, pattern, lambda request: request.json(value, status))

    def in_turn(self, method: str, pattern: str, *handlers: Handler) -> None:
        """One handler a request; the last one stays."""
        left = list(handlers)
        self.on(method, pattern, lambda request: (left.pop(0) if len(left) > 1 else left[0])(request))

    def requests(self, method: str, pattern: str) -> list[dict[str, str]]:
        """Headers of the requests that came."""
        return [
            headers for verb, path, headers in self.seen if verb == method and re.fullmatch(pattern, path.split("?")[0])
        ]


@contextmanager
def serving() -> Iterator[FarmServer]:
    server = FarmServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


JOB = "6f1d3c52-1c4e-4b0a-9f4e-3c1f7d0f2a22"
"""The job of the script."""


def event(seq: int, kind: str, **data: Any) -> str:
    """One event as the farm writes it."""
    body = json.dumps({"seq": seq, "kind": kind, "job": JOB, "at": "2026-01-05T10:00:03+00:00", "data": data})
    return f"id: {seq}\nevent: {kind}\ndata: {body}\n\n"


def job_view(state: str = "running", **more: Any) -> dict[str, Any]:
    """A job as ``GET /v1/jobs/{id}`` tells it."""
    counts = {"total": 2, "committed": 0, "reused": 0, "failed": 0, "canceled": 0, "skipped": 0}
    counts |= more.pop("counts", {})
    base = {"id": JOB, "name": "demo", "state": state, "frames": "1-2", "pipeline": "fake", "priority": "normal"}
    return {**base, "counts": counts, "warm": 0, "cold": 0, **more}
