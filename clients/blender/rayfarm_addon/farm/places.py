# SPDX-License-Identifier: GPL-3.0-or-later
"""Which farm, which key, which project: the preferences first, then the environment, then a farm of this machine.

The order and the names are those of the `rayfarm` command, so that a set-up that serves one serves the other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .errors import KEY_PLACE, FarmError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared only: what listens everywhere is reached by loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How to reach one farm."""

    url: str
    api_key: str | None
    project: str | None
    """Slug; None: the one that the key belongs to."""

    def __repr__(self) -> str:
        return f"Place(url={self.url!r}, api_key={'***' if self.api_key else None}, project={self.project!r})"

    @property
    def is_here(self) -> bool:
        """On this machine: no network is used."""
        return urlsplit(self.url).hostname in LOOPBACK

    @property
    def tells_the_key_in_clear(self) -> bool:
        return self.url.startswith("http://") and not self.is_here


def find_place(
    *, url: str = "", api_key: str = "", project: str = "", home: str = "", environ: Mapping[str, str] | None = None
) -> Place:
    """The farm to talk to. Raises ``FarmError`` where nothing names one.

    The key that lies in a farm's own folder goes to that farm alone.
    """
    values = os.environ if environ is None else environ
    folder = home.strip() or values.get("RAYFARM_HOME", "")
    root = Path(folder).expanduser() if folder else None
    own_url = _url_of(root) if root else None
    address = url.strip().rstrip("/") or values.get("RAYFARM_URL", "").rstrip("/") or own_url
    if not address:
        raise FarmError(
            "No farm is set.", remedy=f"Give its address in {KEY_PLACE}, or in RAYFARM_URL before Blender starts."
        )
    if not address.startswith(("http://", "https://")) or not urlsplit(address).hostname:
        raise FarmError(f"{address!r} is no http address.", remedy="Write it like https://farm.example.com.")
    key = api_key.strip() or values.get("RAYFARM_API_KEY") or None
    if key is None and root is not None and address == own_url:
        key = _key_of(root)
    return Place(url=address, api_key=key, project=project.strip() or values.get("RAYFARM_PROJECT") or None)


def _url_of(home: Path) -> str | None:
    try:
        record = json.loads((home / "farm.json").read_text(encoding="utf-8"))
        port = int(record["ports"]["http"])
        host = str(record.get("http_host") or "127.0.0.1")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return f"http://{'127.0.0.1' if host in _EVERYWHERE else host}:{port}"


def _key_of(home: Path) -> str | None:
    try:
        return (home / "admin_key").read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
