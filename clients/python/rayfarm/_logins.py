"""Logins that this user of the machine has: one file for each farm, in the user's own configuration folder.

A refresh token is good once, and sent twice it ends its session. So whoever renews holds the lock of that farm from the
look at the file to its replacement: of two commands that find the same old token, one renews and the other reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

from rayfarm.errors import UsageError

_LONGEST_WAIT_S = 60.0
"""For another command that renews: it asks the farm once, and that has its own time limits."""
_NEWEST = "newest"
"""File that names the farm of the newest login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One person at one farm."""

    url: str
    account_id: str
    email: str
    access_token: str = field(repr=False)
    expires_at: float
    """Unix time at which the access token ends, by this machine's clock."""
    refresh_token: str = field(repr=False)
    """Good once."""


class Logins:
    """Reads and writes them. The files are their user's alone (0600), and replaced whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, url: str) -> Login | None:
        """None: nobody is logged in there. ``UsageError`` for a file that cannot be read."""
        path = self._path(url)
        try:
            found = Login(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(
                f"The login in {path} cannot be read ({type(error).__name__}).",
                remedy=f"Log in anew: {command_for(url)}",
            ) from error
        # The name of the file is a digest of the address; a token goes to no address but the one that it came from.
        return found if found.url == normal(url) else None

    def newest_url(self) -> str | None:
        """The farm that was logged in to last, as long as that login is there."""
        try:
            url = (self.folder / _NEWEST).read_text(encoding="utf-8").strip()
        except OSError:
            return None
        return url if url and self._path(url).exists() else None

    def keep(self, login: Login, *, newest: bool = False) -> None:
        """Write it in the place of the one before. ``UsageError`` where the folder cannot be written."""
        try:
            self._prepare()
            self._replace(self._path(login.url), json.dumps(asdict(login), indent=1))
            if newest:
                self._replace(self.folder / _NEWEST, login.url)
        except OSError as error:
            raise self._unusable(error) from error

    def forget(self, url: str) -> None:
        with suppress(FileNotFoundError):
            self._path(url).unlink()

    @contextmanager
    def hold(self, url: str) -> Iterator[None]:
        """Alone with this farm's login among all processes and threads of the user. ``UsageError`` after a minute."""
        try:
            self._prepare()
            # A lock object of its own: one that threads share would let the second of them in as well.
            lock = FileLock(self._path(url).with_suffix(".lock"), timeout=_LONGEST_WAIT_S, mode=0o600)
            lock.acquire()
        except Timeout as error:
            raise UsageError(
                f"Another command has held the login at {url} for {_LONGEST_WAIT_S:.0f} s.",
                remedy="Try again; if it stays so, end the command that hangs.",
            ) from error
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        finally:
            lock.release()

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _unusable(self, error: OSError) -> UsageError:
        return UsageError(
            f"Logins cannot be kept in {self.folder}: {error.strerror}.",
            remedy="Name another folder of yours: RAYFARM_CONFIG_DIR.",
        )

    def _path(self, url: str) -> Path:
        return self.folder / f"{hashlib.sha256(normal(url).encode()).hexdigest()[:32]}.json"

    def _replace(self, path: Path, text: str) -> None:
        """A reader sees the old or the new, and a full disk loses neither."""
        number, name = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".tmp")  # 0600 from the first byte
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise


def logins_of(environ: Mapping[str, str] | None = None) -> Logins:
    """In ``RAYFARM_CONFIG_DIR``, else where the system has a user's configuration (XDG Base Directory)."""
    values = os.environ if environ is None else environ
    if named := values.get("RAYFARM_CONFIG_DIR"):
        base = Path(named).expanduser()
    elif sys.platform == "win32" and values.get("APPDATA"):
        base = Path(values["APPDATA"]) / "rayfarm"
    else:
        base = Path(values.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "rayfarm"
    return Logins(base / "logins")


def normal(url: str) -> str:
    """One way to write an address: letters of scheme and host small, no default port, no slash at the end."""
    try:
        return str(httpx.URL(url)).rstrip("/")
    except httpx.InvalidURL:
        return url.rstrip("/")


def command_for(url: str) -> str:
    """What logs in at this farm."""
    return f"rayfarm login --server {url}"
