"""Machines on a network of their own on one machine: network namespaces, each with a cable to one bridge.

Needs root and iproute2. A cable is cut and mended without a process knowing: what is sent stays unanswered.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from types import TracebackType


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


class Switch:
    """Its own address is the test's; ``connect`` gives each machine the next one."""

    def __init__(self) -> None:
        self._tag = f"rf{secrets.token_hex(2)}"
        self._prefix = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(250)}"
        self._machines: list[str] = []
        self.address = f"{self._prefix}.1"

    def __enter__(self) -> Switch:
        _ip("link", "add", self._tag, "type", "bridge")
        _ip("addr", "add", f"{self.address}/24", "dev", self._tag)
        _ip("link", "set", self._tag, "up")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name in self._machines:
            self.kill(name)
            _ip("netns", "del", name)
        _ip("link", "del", self._tag)

    def connect(self) -> str:
        """A new machine's name."""
        number = len(self._machines) + 2
        name = f"{self._tag}-{number}"
        _ip("netns", "add", name)
        self._machines.append(name)
        cable = self._cable(name)
        _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", cable, "master", self._tag, "up")
        _ip("-n", name, "addr", "add", f"{self._prefix}.{number}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        return name

    def address_of(self, name: str) -> str:
        return f"{self._prefix}.{name.rpartition('-')[2]}"

    @staticmethod
    def on(name: str) -> list[str]:
        """What to write before a command that runs there."""
        return ["ip", "netns", "exec", name]

    def cut(self, name: str) -> None:
        _ip("link", "set", self._cable(name), "down")

    def mend(self, name: str) -> None:
        _ip("link", "set", self._cable(name), "up")

    @staticmethod
    def kill(name: str) -> None:
        """SIGKILL to everything that runs there, until nothing does: as when the power fails."""
        while pids := _ip("netns", "pids", name).split():
            for pid in pids:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    continue

    @staticmethod
    def _cable(name: str) -> str:
        return name.replace("-", "v")
