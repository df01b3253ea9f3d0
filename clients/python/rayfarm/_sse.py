"""Reads a stream of server-sent events (the WHATWG rules), whatever pieces the bytes arrive in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_EVENT_CHARS = 64 * 2**20
"""Buffered at most for one event; an event of the farm is far smaller, a broken peer must not fill memory."""

_BOM = b"\xef\xbb\xbf"


class StreamBroken(ValueError):
    """The stream is not server-sent events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event as it came."""

    event: str
    data: str
    id: str
    """Last id seen so far, to resume from."""


def parse_events(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """Events of the stream; an event that the stream cuts off is dropped, as the rules say."""
    last_id = ""
    name = ""
    data: list[str] = []
    held = 0
    for raw in split_lines(chunks):
        if not raw:
            if data:
                yield ServerSentEvent(event=name or "message", data="\n".join(data), id=last_id)
            name, data, held = "", [], 0
            continue
        line = raw.decode("utf-8", errors="replace")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            held += len(value)
            if held > MAX_EVENT_CHARS:
                raise StreamBroken("An event of the stream is too large.")
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that end with LF, CR LF or CR; a last line without an end is not one."""
    buffer = bytearray()
    after_cr = False
    at_start = True
    for chunk in chunks:
        for byte_line, ended in _pieces(chunk):
            if after_cr and ended == b"\n" and not byte_line and not buffer:
                after_cr = False  # the LF of a CR LF that two chunks share
                continue
            after_cr = False
            buffer += byte_line
            if len(buffer) > MAX_EVENT_CHARS:
                raise StreamBroken("A line of the stream is too long.")
            if ended:
                line = bytes(buffer)
                buffer.clear()
                after_cr = ended == b"\r"
                if at_start:
                    line = line.removeprefix(_BOM)
                    at_start = False
                yield line


def _pieces(chunk: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Split at line ends: (text, its end); the last piece has no end."""
    start = 0
    size = len(chunk)
    while start < size:
        feed = chunk.find(b"\n", start)
        carriage = chunk.find(b"\r", start)
        ends = [position for position in (feed, carriage) if position >= 0]
        if not ends:
            break
        at = min(ends)
        end = chunk[at : at + 1]
        after = at + 1
        if end == b"\r" and chunk[after : after + 1] == b"\n":
            end = b"\r\n"
            after += 1
        yield chunk[start:at], end
        start = after
    if start < size:
        yield chunk[start:], b""
