"""A busy machine, on which Serve's proxy is not there in time: tried once more, and told in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from ray.exceptions import ActorDiedError

from serve_app import deployments
from serve_app.deployments import ServeNotReady, start_serve, told_if_not_ready


def _fails(monkeypatch: pytest.MonkeyPatch, *, times: int) -> list[dict[str, Any]]:
    """Serve's start, whose first ``times`` calls end as they do when the proxy was killed; what it was called with."""
    calls: list[dict[str, Any]] = []

    def start(**options: Any) -> None:
        calls.append(options)
        if len(calls) <= times:
            raise ActorDiedError

    monkeypatch.setattr(deployments.serve, "start", start)
    return calls


def test_a_proxy_that_is_late_once_is_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _fails(monkeypatch, times=1)
    start_serve(http_host="127.0.0.1", http_port=8700)
    assert len(calls) == 2
    assert calls[0] == calls[1]


def test_one_that_is_late_again_is_told_in_a_sentence_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    _fails(monkeypatch, times=2)
    with pytest.raises(ServeNotReady) as refused, told_if_not_ready():
        start_serve(http_host="127.0.0.1", http_port=8700)
    assert "rayfarm up" in str(refused.value)
    assert "\n" not in str(refused.value)
