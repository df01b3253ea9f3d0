"""Passwords: Argon2id with the parameters of RFC 9106 (section 4, the second choice: 64 MiB), a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from serve_app.places import TooManyAtOnce

Result = TypeVar("Result")

_PASSWORD_OF_NOBODY = "checked where there is no account, so that the answer takes as long"  # noqa: S105


class Passwords:
    """Hashes off the event loop: one takes tens of milliseconds of several cores and 64 MiB."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._hasher = PasswordHasher()
        self._most = at_once + waiting
        self._asked = 0
        self._threads = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="argon2")
        self._nobody: str | None = None

    def require_room(self) -> None:
        """Raises ``TooManyAtOnce`` rather than to let strangers build a queue of minutes before everybody."""
        if self._asked >= self._most:
            raise TooManyAtOnce(f"{self._most} logins are under way.", remedy="Try again in a moment.")

    async def hash(self, password: str) -> str:
        return await self._run(self._hasher.hash, password)

    async def verify(self, password: str, record: str | None) -> bool:
        """Whether the password is that of the record. Without a record it takes as long, and is False."""
        if record is None:
            if self._nobody is None:
                self._nobody = await self.hash(_PASSWORD_OF_NOBODY)
            await self._run(self._matches, self._nobody, password)
            return False
        return await self._run(self._matches, record, password)

    def is_outdated(self, record: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(record)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, record: str, password: str) -> bool:
        try:
            return self._hasher.verify(record, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., Result], *arguments: str) -> Result:
        self.require_room()
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._asked -= 1
