"""Reads the event stream of a job as a browser does, and checks that it leaves out nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from locust.clients import HttpSession


class Gap(Exception):
    """An event is missing from the stream, or came twice."""


def follow(client: HttpSession, path: str, *, seconds: float) -> Iterator[dict[str, Any]]:
    """The events of a job from its first, until it has ended or ``seconds`` have passed. Raises ``Gap``."""
    ends_at = time.perf_counter() + seconds
    seq = 0
    with closing(client.get(path, stream=True, name="event stream opens", timeout=seconds + 60)) as answer:
        if answer.status_code != 200:
            return
        for line in answer.iter_lines(chunk_size=1):
            if line.startswith(b"data: "):
                event: dict[str, Any] = json.loads(line[6:])
                if "seq" in event:  # what is told of frames that render has none
                    if event["seq"] != seq + 1:
                        raise Gap(f"{event['seq']} follows {seq}")
                    seq = event["seq"]
                    yield event
            if time.perf_counter() > ends_at:
                return
