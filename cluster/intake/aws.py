"""The clients of AWS's services, and their calls on threads of their own: boto3 blocks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cluster.intake.settings import IntakeSettings
from jobs.errors import Unavailable

_T = TypeVar("_T")
_QUEUE_HOST = re.compile(r"sqs\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?", re.ASCII)
_THREADS = 16
"""One waits for messages, some renew, delete and publish; SQS answers in milliseconds."""
_MARGIN = timedelta(seconds=10)
"""Beyond a long poll: a server that has not answered by then is away."""


class AwsUnavailable(Unavailable):
    """A service of AWS does not answer, or does not take this farm's credentials."""

    code = "aws-unavailable"


class Aws:
    """Clients by service and region, built when first needed. Raises ``AwsUnavailable`` for all that fails."""

    def __init__(self, settings: IntakeSettings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="intake")
        self._session = boto3.session.Session()
        self._clients: dict[tuple[str, str | None], Any] = {}
        self.region = settings.region or _region_in(settings.queue_url or "")

    def client(self, service: str, region: str | None = None) -> Any:
        """To be called on the event loop's thread: a session is not for several."""
        region = region or self.region
        found = self._clients.get((service, region))
        if found is None:
            config = Config(
                connect_timeout=5,
                read_timeout=(self._settings.long_poll + _MARGIN).total_seconds(),
                retries={"total_max_attempts": 2, "mode": "standard"},
                max_pool_connections=_THREADS,
            )
            try:
                found = self._session.client(
                    service,  # type: ignore[call-overload]  # the stubs know each service by its name
                    region_name=region,
                    endpoint_url=self._settings.endpoint_url,
                    config=config,
                )
            except (BotoCoreError, ValueError) as error:
                raise AwsUnavailable(f"{service}: {error}"[:500]) from error
            self._clients[service, region] = found
        return found

    async def call(self, function: Callable[..., _T], /, **arguments: object) -> _T:
        """One call on a thread. Raises ``AwsUnavailable``, whose cause is what boto3 said."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, lambda: function(**arguments))
        except (ClientError, BotoCoreError, OSError) as error:
            raise AwsUnavailable(f"{type(error).__name__}: {error}"[:500]) from error

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def error_code(error: AwsUnavailable) -> str:
    """What the service calls the error; empty where it was not the service that spoke."""
    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


def _region_in(queue_url: str) -> str | None:
    found = _QUEUE_HOST.fullmatch(urlsplit(queue_url).hostname or "")
    return found[1] if found else None
