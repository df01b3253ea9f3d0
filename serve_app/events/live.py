"""What is told of frames while they render: the newest word of each, for one stream, and never of a frame that is over.

It comes by notification alone and is kept nowhere: a word that is lost is followed by the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from jobs.events import FRAME_PROGRESS, EventKind
from jobs.fingerprint import canonical_json

MOST_FRAMES = 256
"""Frames whose newest word waits for one stream; what comes beyond drops the oldest. The bound of a slow client."""

MOST_ENDED = 4096
"""Frames that a stream remembers to have ended; a word is late by milliseconds, not by thousands of frames."""

_FIELDS = (
    "ordinal", "frame", "part", "parts", "fraction", "done", "total", "unit", "eta_seconds", "detail", "preview",
    "replica",
)  # fmt: skip

_ENDS = frozenset(
    {EventKind.FRAMES_COMMITTED, EventKind.FRAMES_FAILED, EventKind.FRAMES_SKIPPED, EventKind.FRAME_RETRIED}
)


class Subscription:
    """One stream's share of the news about its job."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._rows = False
        self._words: OrderedDict[tuple[int, int | None], Mapping[str, Any]] = OrderedDict()
        self._ended: OrderedDict[int, int] = OrderedDict()

    def wake(self) -> None:
        """Rows may have been written."""
        self._rows = True
        self._changed.set()

    def tell(self, word: Mapping[str, Any]) -> None:
        """The newest word of a frame, or of a part of it; ``word`` is the payload of its notification."""
        key = (int(word["ordinal"]), word.get("part"))
        self._words.pop(key, None)
        self._words[key] = word
        if len(self._words) > MOST_FRAMES:
            self._words.popitem(last=False)
        self._changed.set()

    def note_event(self, kind: EventKind, seq: int, data: Mapping[str, Any]) -> None:
        """An event goes over this stream: what was told of its frames before it is late from now on."""
        if kind not in _ENDS:
            return
        frames: Iterable[Mapping[str, Any]] = [data] if kind is EventKind.FRAME_RETRIED else data.get("frames") or ()
        for frame in frames:
            self._ended.pop(frame["ordinal"], None)
            self._ended[frame["ordinal"]] = seq
        while len(self._ended) > MOST_ENDED:
            self._ended.popitem(last=False)

    def take_rows(self) -> bool:
        """Whether rows may have been written since the last call. Ask before reading them."""
        rows, self._rows = self._rows, False
        return rows

    def take_words(self) -> list[Mapping[str, Any]]:
        """What waits, oldest first, without what is late."""
        words = [word for word in self._words.values() if int(word["seq"]) >= self._ended.get(int(word["ordinal"]), 0)]
        self._words.clear()
        return words

    async def wait(self, *, words_from: float, until: float) -> bool:
        """Until there is news, of rendering frames not before ``words_from``; False at ``until`` (monotonic clock)."""
        while not self._rows:
            now = time.monotonic()
            if self._words and now >= words_from:
                return True
            if now >= until:
                return False
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), (min(words_from, until) if self._words else until) - now)
        return True


def encode_word(word: Mapping[str, Any], *, job_id: UUID) -> bytes:
    """As it goes over the line: without an id, so that a client resumes behind the last event that counts."""
    data = {field: word.get(field) for field in _FIELDS}
    body = canonical_json({"kind": FRAME_PROGRESS, "job": str(job_id), "at": word.get("at"), "data": data})
    return b"event: %s\ndata: %s\n\n" % (FRAME_PROGRESS.encode(), body)
