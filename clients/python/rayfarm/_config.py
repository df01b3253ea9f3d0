"""Where the farm is and which key opens it: options, then the environment, then the farm's home folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rayfarm.errors import UsageError

DEFAULT_HOME = ".rayfarm"

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared only: what listens everywhere is reached by loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach one farm."""

    url: str
    api_key: str | None
    source: str
    """Where the address was found, for messages."""

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, api_key={'***' if self.api_key else None}, source={self.source!r})"


def farm_home(environ: Mapping[str, str] | None = None) -> Path:
    """Folder of this machine's farm: ``RAYFARM_HOME``, or ``./.rayfarm``."""
    values = os.environ if environ is None else environ
    return Path(values.get("RAYFARM_HOME") or DEFAULT_HOME).expanduser()


def resolve(
    *,
    url: str | None = None,
    api_key: str | None = None,
    home: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Connection:
    """Find the farm. ``UsageError`` if nothing says where one is.

    The key of the home folder goes only to the address of the home folder: it must never reach another farm.
    """
    values = os.environ if environ is None else environ
    home = home or farm_home(values)
    key = api_key or values.get("RAYFARM_API_KEY") or None
    if url:
        return Connection(url=_checked(url, "--url"), api_key=key or _key_if_ours(url, home), source="--url")
    if from_environment := values.get("RAYFARM_URL"):
        address = _checked(from_environment, "RAYFARM_URL")
        return Connection(url=address, api_key=key or _key_if_ours(address, home), source="RAYFARM_URL")
    local = home_url(home)
    if local is None:
        raise UsageError(
            f"There is no farm to talk to: no --url, no RAYFARM_URL, and no farm in {home}.",
            remedy="Start one here with `rayfarm up`; or name the folder of one on this machine "
            "(RAYFARM_HOME=…/.rayfarm), or the address of any (--url and --api-key).",
        )
    return Connection(url=local, api_key=key or home_key(home), source=str(home / "farm.json"))


def home_url(home: Path) -> str | None:
    """Address of the API that the home folder's farm last had; None: no farm was started there."""
    path = home / "farm.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Run `rayfarm up` to write it anew.") from error
    ports = record.get("ports") if isinstance(record, dict) else None
    port = ports.get("http") if isinstance(ports, dict) else None
    if isinstance(port, int):
        host = record.get("http_host") or "127.0.0.1"
        return f"http://{'127.0.0.1' if host in _EVERYWHERE else host}:{port}"
    raise UsageError(f"{path} names no API address.", remedy="Run `rayfarm up` to write it anew.")


def home_key(home: Path) -> str | None:
    """The admin key that the farm's bootstrap left in the home folder, if it may be read."""
    try:
        return (home / "admin_key").read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(
            f"The farm's key {home / 'admin_key'} cannot be read: {error.strerror}.",
            remedy="Run as the user who started the farm, or give --api-key.",
        ) from error


def _key_if_ours(url: str, home: Path) -> str | None:
    try:
        return home_key(home) if home_url(home) == url.rstrip("/") else None
    except UsageError:
        return None


def _checked(url: str, source: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise UsageError(
            f"{source} is {url!r}, which is no http address.", remedy="Write it like http://127.0.0.1:8000."
        )
    return url.rstrip("/")
