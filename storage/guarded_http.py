"""The HTTP of botocore to servers that users name: only to addresses that were judged, and never for longer than meant.

A connection resolves its name once and goes to an address of it that ``jobs.egress`` allows, so that a name that means
another machine a moment later changes nothing. No proxies, no redirects; of an answer a bounded part is read.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any, ClassVar
from weakref import WeakSet

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
    AWSPreparedRequest,
    AWSResponse,
)
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import connection as urllib3_connection

from jobs.egress import Egress

_MAX_ANSWER_BYTES = 256 * 1024
"""Of one answer; those of the calls that are made here have a few hundred bytes."""

_TRIED_ADDRESSES = 4
"""Of one name."""


class GuardedSession(URLLib3Session):
    """For one client: register ``answer`` for its event ``before-send``. ``stop`` ends what is under way, for good."""

    def __init__(self, *, egress: Egress, connect_timeout_s: float, read_timeout_s: float, connections: int) -> None:
        super().__init__(
            verify=os.environ.get("AWS_CA_BUNDLE") or True,  # type: ignore[arg-type]  # a path too
            timeout=(connect_timeout_s, read_timeout_s),  # type: ignore[arg-type]  # a pair too
            max_pool_connections=connections,
        )
        self._guard = _Guard(egress)

        class Plain(AWSHTTPConnectionPool):
            ConnectionCls = _bound(_PlainConnection, self._guard)

        class Secure(AWSHTTPSConnectionPool):
            ConnectionCls = _bound(_SecureConnection, self._guard)

        manager: Any = self._manager  # type: ignore[attr-defined]  # private; a test sees that it is used
        manager.pool_classes_by_scheme = {"http": Plain, "https": Secure}

    def answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Send it, and read the answer. Raises ``HTTPClientError``."""
        self._guard.require_running()
        request.stream_output = True  # or all of the answer would be read, whatever its length
        answer: Any = self.send(request)
        body = bytearray()
        try:
            for piece in answer.raw.stream(16 * 1024):
                body += piece
                if len(body) > _MAX_ANSWER_BYTES:
                    raise HTTPClientError(error="the answer of the server is too long")
        except HTTPClientError:
            answer.raw.close()
            raise
        except Exception as error:
            answer.raw.close()
            raise HTTPClientError(error=error) from error
        answer.raw.release_conn()
        self._guard.require_running()  # a connection that was shut under the answer looks like its end
        answer._content = bytes(body)
        whole: AWSResponse = answer
        return whole

    def stop(self) -> None:
        """Let every request that is under way fail now, and each that comes after it."""
        self._guard.stop()


class _Guard:
    """What the connections of one session share."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._lock = threading.Lock()
        self._handles: WeakSet[socket.socket] = WeakSet()
        self._stopped = False

    def require_running(self) -> None:
        if self._stopped:
            raise HTTPClientError(error="it took too long and was stopped")

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            handles = list(self._handles)
        for handle in handles:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def connect(self, host: str, port: int, options: dict[str, Any]) -> tuple[socket.socket, socket.socket]:
        """A connection to an address of the host, and a second handle of it, by which ``stop`` ends it even within a
        TLS handshake. Raises ``EgressRefused``, ``OSError``."""
        self.require_running()
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        for each in addresses:
            self._egress.require_allowed(ip_address(each), port, field="endpoint_url")
        failure: OSError | None = None
        for each in addresses[:_TRIED_ADDRESSES]:
            try:
                made = urllib3_connection.create_connection((each, port), **options)
            except OSError as error:
                failure = error
                continue
            handle = made.dup()
            with self._lock:
                self._handles.add(handle)
                stopped = self._stopped
            if stopped:
                handle.shutdown(socket.SHUT_RDWR)
            return made, handle
        raise failure or OSError(f"{host} has no address.")


class _Guarded:
    """Mixed into a connection of urllib3."""

    guard: ClassVar[_Guard]
    _handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        me: Any = self
        options = {"source_address": me.source_address, "socket_options": me.socket_options}
        with _as_urllib3(me):
            made, self._handle = self.guard.connect(me._dns_host, me.port, {"timeout": me.timeout, **options})
        return made

    def close(self) -> None:
        super().close()  # type: ignore[misc]
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()


class _PlainConnection(_Guarded, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _SecureConnection(_Guarded, AWSHTTPSConnection):  # type: ignore[misc]
    pass


def _bound(kind: type[Any], guard: _Guard) -> type[Any]:
    return type(kind.__name__, (kind,), {"guard": guard})


@contextmanager
def _as_urllib3(connection: Any) -> Iterator[None]:
    """Failures to connect as urllib3 and botocore know them."""
    try:
        yield
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"{connection.host} did not answer in time") from error
    except OSError as error:
        raise NewConnectionError(connection, f"cannot connect to {connection.host}: {error}") from error
