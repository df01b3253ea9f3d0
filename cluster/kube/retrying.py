"""The one policy for calls that the API server does not take now: throttling, server errors, lost connections."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from cluster.kube.errors import KubeUnavailable, translated
from cluster.kube.settings import KubeSettings

_Result = TypeVar("_Result")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the commands see it; tests give their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], float] = time.time


class Retrying:
    """Calls again after a pause that grows, or that the server asks for; says so in the end.

    A call whose answer was lost may have been done: it is called again all the same, so a caller gives names that are
    the same each time, and patches that test what they change.
    """

    def __init__(self, *, settings: KubeSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def call(self, action: str, ask: Callable[[], _Result]) -> _Result:
        """Raises what ``cluster.kube.errors`` lists."""
        pause = self._settings.retry_first.total_seconds()
        longest_asked = self._settings.retry_after_longest.total_seconds()
        tried = 1
        while True:
            try:
                return self._once(action, ask)
            except KubeUnavailable as error:
                asked = error.retry_after_s or 0.0
                if tried >= self._settings.tries or asked > longest_asked:
                    words = f"{error.message}; tried {tried} times" if tried > 1 else error.message
                    raise KubeUnavailable(words, remedy=error.remedy, retry_after_s=error.retry_after_s) from error
                wait_s = max(asked, pause * random.uniform(0.7, 1.3))  # noqa: S311 - jitter, not a secret
                _log.warning("kube_retry", call=action, error=error.message[:300], retry_in_s=round(wait_s, 2))
                self._clock.sleep(wait_s)
                pause = min(pause * 2, self._settings.retry_longest.total_seconds())
                tried += 1

    def _once(self, action: str, ask: Callable[[], _Result]) -> _Result:
        try:
            return ask()
        except ApiException as error:
            raise translated(error, action=action, now_s=self._clock.wall()) from error
        except (HTTPError, OSError) as error:
            raise KubeUnavailable(
                f"{action}: no answer from the Kubernetes API server ({type(error).__name__}: {error})",
                remedy="Is the address in the kubeconfig right, and reachable from here? Try `kubectl cluster-info`.",
            ) from error
