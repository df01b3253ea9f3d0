"""A process that uploads and never ends, for tests that kill it in the middle."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

from storage import StorageSettings, open_storage


async def _endless(size_bytes: int) -> AsyncIterator[bytes]:
    yield b"x" * size_bytes
    print("sent", flush=True)
    await asyncio.Event().wait()
    yield b""


asyncio.run(open_storage(StorageSettings()).put_blob("0" * 64, _endless(int(sys.argv[1]))))
