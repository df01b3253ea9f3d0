"""Identifiers that grow with time, for rows that come by the million."""

from __future__ import annotations

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then 74 random ones.

    Random keys touch a page of their index for each row, and each page goes to the log whole after a checkpoint; keys
    that grow fill one page after the other, so that a row of a large table costs what it costs in a small one.
    """
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    number = (number & ~(0xF << 76)) | (0x7 << 76)
    return UUID(int=(number & ~(0x3 << 62)) | (0x2 << 62))
