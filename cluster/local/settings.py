"""What one machine's farm may be told, from the environment (RAYFARM_*)."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from jobs.settings import FarmSettings

_MIB = 1024 * 1024
_SMALL_MACHINE_CORES = 4

Port = Annotated[int, Field(ge=1024, le=65535)]


class LocalFarmSettings(FarmSettings):
    """Settings of `rayfarm up`; every one has a default that suits a laptop."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_", frozen=True, extra="ignore")

    home: Path = Path(".rayfarm")
    """Where everything of the farm lives; two farms are two homes."""
    http_host: str = "127.0.0.1"
    """0.0.0.0 opens the API to the network; it asks for an API key in any case."""
    http_port: Port | None = None
    """None: the port of last time, else 8700, else any free one."""
    dashboard_port: Port | None = None
    """None: one from the farm's own block of ports. The dashboard listens on loopback only."""
    num_cpus: Annotated[int, Field(ge=1)] = os.cpu_count() or 1
    """Logical CPUs given to Ray; 1 is enough for a whole farm."""
    render_slots: Annotated[int, Field(ge=1)] | None = None
    """Renderers at once. None: 1 up to four cores, as Cycles itself uses every core; else one for each four."""
    object_store_bytes: Annotated[int, Field(ge=80 * _MIB)] = 256 * _MIB
    """Pixels go to storage and not through Ray, so little is needed; Ray refuses less than 75 MiB."""
    database_url: SecretStr | None = None
    """A PostgreSQL server of your own; None: an embedded one."""
    storage_url: str | None = None
    """None: files below the farm's home."""

    ray_start_timeout: timedelta = timedelta(seconds=120)
    """`ray start` takes 8 to 13 s on two idle cores."""
    migrate_timeout: timedelta = timedelta(seconds=120)
    """A second on a new database; long for a large one that is upgraded."""
    deploy_timeout: timedelta = timedelta(seconds=240)
    """Serve takes about 10 s on two idle cores; the first import of the renderers is slow on a cold disk."""
    ray_stop_grace: timedelta = timedelta(seconds=4)
    """For each of the three groups of Ray's processes, one after the other, to end before it gets SIGKILL."""
    watch_period: timedelta = timedelta(seconds=0.5)
    """How soon a dead Postgres or Ray is noticed; a look costs three reads of /proc."""
    backoff_first: timedelta = timedelta(seconds=1)
    """Wait before the second restart in a row (the first is immediate); doubles each time."""
    backoff_longest: timedelta = timedelta(seconds=60)
    """A machine whose disk is full is retried once a minute until somebody helps it."""
    backoff_forgiven_after: timedelta = timedelta(minutes=5)
    """A component that lived this long starts with an immediate restart again."""

    @property
    def slots(self) -> int:
        """The number of `render_slot` that Ray is given."""
        return self.render_slots or max(1, self.num_cpus // _SMALL_MACHINE_CORES)

    @property
    def ready_timeout(self) -> timedelta:
        """How long `up` waits: every step at its own limit, and a minute for what has none."""
        return self.ray_start_timeout + self.migrate_timeout + self.deploy_timeout + timedelta(minutes=1)

    def as_environment(self) -> dict[str, str]:
        """These settings for the supervisor's process: a child gets what its parent was told, secrets included."""
        said = {name: str(value) for name, value in self._said().items()}
        if self.database_url is not None:
            said["database_url"] = self.database_url.get_secret_value()  # the dump masks it
        return {f"RAYFARM_{name.upper()}": value for name, value in said.items()}

    def _said(self) -> dict[str, object]:
        return self.model_dump(mode="json", include=self.model_fields_set, exclude_none=True)
