"""Sends a large file in parts, side by side, and goes on where an earlier try stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rayfarm._transport import Transport
from rayfarm.archives import changed
from rayfarm.errors import FarmRefused, FarmUnreachable, UsageError

LARGE_BYTES = 64 << 20
"""Files from this size on go in parts: below it, sending the whole again costs little."""

PARALLEL_PARTS = 4
ROUNDS = 5
"""Times that fresh links are asked for without a part having come: a link lives for hours, a part takes minutes."""

_READ_BYTES = 1 << 20
_VERIFYING_PAUSE_S = 1.0
"""Between two questions whether the farm has read the file; with a place to wait in, one is answered at the end."""
_LINK_OVER = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


def send_in_parts(
    transport: Transport, path: Path, *, digest: str, size_bytes: int, on_sent: Callable[[int], None]
) -> bool:
    """Until the farm has the blob. ``on_sent``: bytes more that are there, from several threads.

    False: this machine does not reach the storage, where the farm does; nothing was sent.

    Raises ``UsageError`` for a file that changes meanwhile.
    """
    upload = transport.json("POST", "/v1/uploads", json={"digest": digest, "size_bytes": size_bytes}, repeatable=True)
    address = f"/v1/uploads/{upload['id']}"
    stamp = _stamp(path)
    told: set[int] = set()
    tries = 0
    while upload["state"] == "open":
        there = {part["number"]: part["size_bytes"] for part in upload["parts"] if part["is_there"]}
        on_sent(sum(size for number, size in there.items() if number not in told))
        told |= there.keys()
        lacking = [part for part in upload["parts"] if not part["is_there"]]
        todo = [part for part in lacking if part["url"]]  # one answer has links for the first of them
        if todo:
            tries += 1
            if not told and not _reaches(transport, path, todo, upload["part_bytes"], told=told, on_sent=on_sent):
                transport.request("DELETE", address)
                return False
            todo = [part for part in todo if part["number"] not in told]
            sent = _send_all(transport, path, todo, upload["part_bytes"], told=told, on_sent=on_sent)
            tries = 0 if sent else tries
            if _stamp(path) != stamp:
                transport.request("DELETE", address)
                raise changed(path)
            if tries >= ROUNDS:
                raise UsageError(
                    f"The storage takes no part of {path}.",
                    remedy="Its links are refused; see whether this machine's clock and a proxy are right.",
                )
            if len(told) < len(upload["parts"]):  # links that are over, or the next parts: fresh ones
                upload = transport.json("GET", address)
                continue
        upload = _complete(transport, address, path)
    while upload["state"] == "verifying":  # each request waits for it, where the farm has a place to wait in
        time.sleep(_VERIFYING_PAUSE_S)
        upload = _complete(transport, address, path)
    return True


def _reaches(
    transport: Transport,
    path: Path,
    parts: Sequence[Any],
    part_bytes: int,
    *,
    told: set[int],
    on_sent: Callable[[int], None],
) -> bool:
    """Send the last part, the smallest where all have links; False where nobody answers at its link."""
    try:
        _send_all(transport, path, parts[-1:], part_bytes, told=told, on_sent=on_sent)
    except FarmUnreachable:
        return False
    return True


def _complete(transport: Transport, address: str, path: Path) -> Any:
    try:
        return transport.json("POST", f"{address}:complete", repeatable=True)
    except FarmRefused as refusal:
        if refusal.problem_code == "upload-incomplete":  # the storage lost a part
            return transport.json("GET", address)
        if refusal.problem_code == "digest-mismatch":
            raise changed(path) from refusal
        raise


def _send_all(
    transport: Transport,
    path: Path,
    parts: Sequence[Any],
    part_bytes: int,
    *,
    told: set[int],
    on_sent: Callable[[int], None],
) -> set[int]:
    """The numbers of the parts that were taken; the others' links are over."""

    def send(part: Any) -> int | None:
        start, size = (part["number"] - 1) * part_bytes, part["size_bytes"]
        try:
            transport.put(part["url"], body=lambda: _read(path, start, size), size_bytes=size)
        except FarmRefused as refusal:
            if refusal.status in _LINK_OVER:
                return None
            raise
        if part["number"] not in told:
            told.add(part["number"])
            on_sent(size)
        return int(part["number"])

    with ThreadPoolExecutor(PARALLEL_PARTS, thread_name_prefix="rayfarm-part") as pool:
        try:
            return {number for number in pool.map(send, parts) if number is not None}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _read(path: Path, start: int, size_bytes: int) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(start)
            left = size_bytes
            while left:
                piece = file.read(min(left, _READ_BYTES))
                if not piece:
                    raise changed(path)
                left -= len(piece)
                yield piece
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    return (status.st_size, status.st_mtime_ns, status.st_ino)
