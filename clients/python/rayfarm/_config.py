"""Where the farm is and what opens it: options, then the environment, then a login, then the farm's home folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rayfarm._login_auth import LoginAuth
from rayfarm._logins import Login, Logins, logins_of
from rayfarm.errors import UsageError

DEFAULT_HOME = ".rayfarm"

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared only: what listens everywhere is reached by loopback


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach one farm."""

    url: str
    api_key: str | None
    source: str
    """Where the address was found, for messages."""
    login: Login | None = None
    """In the place of a key."""
    credential: str = "nothing"
    """Where the key or login was found, for messages."""
    logins: Logins | None = None
    """That the login is of."""

    def __repr__(self) -> str:
        return f"Connection(url={self.url!r}, api_key={'***' if self.api_key else None}, source={self.source!r})"

    def auth(self) -> LoginAuth | None:
        """What sends the login and renews it; None: there is none."""
        return LoginAuth(self.logins, self.login) if self.login and self.logins else None


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

    A key that is named wins over a login, and a login over the key of the home folder. That one goes only to the
    address of the home folder: it must never reach another farm.
    """
    values = os.environ if environ is None else environ
    home = home or farm_home(values)
    logins = logins_of(values)
    address, source = _address(url, values, home, logins)
    for key, found in ((api_key, "--api-key"), (values.get("RAYFARM_API_KEY"), "RAYFARM_API_KEY")):
        if key:
            return Connection(url=address, api_key=key, source=source, credential=found)
    login = logins.find(address)
    if login is not None:
        words = f"the login of {login.email} (`rayfarm login`)"
        return Connection(url=address, api_key=None, source=source, login=login, logins=logins, credential=words)
    own = _key_if_ours(address, home) if source != str(_record_of(home)) else home_key(home)
    words = f"the key of {home / 'admin_key'}" if own else "nothing"
    return Connection(url=address, api_key=own, source=source, credential=words)


def project_of(environ: Mapping[str, str] | None = None, *, named: str | None = None) -> str | None:
    """The project that is ``named``, or else that of ``RAYFARM_PROJECT``, for who is in several. ``UsageError`` for
    what is no slug."""
    values = os.environ if environ is None else environ
    slug = named if named is not None else values.get("RAYFARM_PROJECT") or None
    if slug is not None and not _SLUG.fullmatch(slug):
        source = "RAYFARM_PROJECT" if named is None else "--project"
        raise UsageError(f"{source} is {slug!r}, which is no slug of a project.", remedy="Write it like film-2.")
    return slug


def find_address(
    *, url: str | None = None, home: Path | None = None, environ: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """Address of the farm and where it was found, without a look at what opens it. ``UsageError`` as of `resolve`."""
    values = os.environ if environ is None else environ
    return _address(url, values, home or farm_home(values), logins_of(values))


def _address(url: str | None, values: Mapping[str, str], home: Path, logins: Logins) -> tuple[str, str]:
    """And where it was found."""
    if url:
        return _checked(url, "--url"), "--url"
    if from_environment := values.get("RAYFARM_URL"):
        return _checked(from_environment, "RAYFARM_URL"), "RAYFARM_URL"
    if (local := home_url(home)) is not None:
        return local, str(_record_of(home))
    if (newest := logins.newest_url()) is not None:
        return newest, "the newest `rayfarm login`"
    raise UsageError(
        f"There is no farm to talk to: no --url, no RAYFARM_URL, no farm in {home}, and no login.",
        remedy="Start one here with `rayfarm up`; or name the folder of one on this machine "
        "(RAYFARM_HOME=…/.rayfarm), or the address of any (`rayfarm login --server`, or --url and --api-key).",
    )


def _record_of(home: Path) -> Path:
    return home / "farm.json"


def home_url(home: Path) -> str | None:
    """Address of the API that the home folder's farm last had; None: no farm was started there."""
    path = _record_of(home)
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
