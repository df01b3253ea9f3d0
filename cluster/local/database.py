"""Runs a program of PostgreSQL against the farm's database, whether the farm is up or not.

    python -m cluster.local.database [--home DIR] -- pg_dump --format=custom --file=farm.dump

The programs are those of the embedded server, so that dump and server are of one version; address, role and password
reach them by the environment (``PGHOST`` …), never on a command line. A server that is down is started for as long as
the program runs: a backup is restored before anything else of the farm starts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from cluster.local.farm_file import FarmHome
from cluster.local.settings import LocalFarmSettings
from db.embedded import EmbeddedPostgres
from jobs.errors import RayfarmError

_BY_PARAMETER = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "host": "PGHOST", "port": "PGPORT"}
"""Parameters of a database URL that libpq also reads from the environment."""


def libpq_environment(url: str) -> dict[str, str]:
    """What libpq's programs read instead of a URL."""
    parts = urlsplit(url)
    found = {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
    }
    found |= {_BY_PARAMETER[name]: value for name, value in parse_qsl(parts.query) if name in _BY_PARAMETER}
    return {name: value for name, value in found.items() if value}


@contextmanager
def running_database(settings: LocalFarmSettings, home: FarmHome) -> Iterator[str]:
    """The URL of the farm's database, which answers for as long as this lasts."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = EmbeddedPostgres(root=home.postgres).start()
    try:
        yield server.url
    finally:
        if not server.attached:  # else it is the farm's, which is up
            server.stop()


def run_program(command: Sequence[str], *, settings: LocalFarmSettings, home: FarmHome) -> int:
    """The exit status of the program."""
    with running_database(settings, home) as url:
        path = os.pathsep.join([str(EmbeddedPostgres.programs()), os.environ.get("PATH", "")])
        environment = {**os.environ, **libpq_environment(url), "PATH": path}
        return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    words = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m cluster.local.database", description=words)
    parser.add_argument("--home", type=Path, help="folder of the farm (RAYFARM_HOME, default ./.rayfarm)")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- PROGRAM …", help="for example: psql")
    asked = parser.parse_args()
    command = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    if not command:
        parser.error("no program is named: … -- psql")
    try:
        settings = LocalFarmSettings()
        return run_program(command, settings=settings, home=FarmHome((asked.home or settings.home).resolve()))
    except (RayfarmError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
