"""farm.json: what runs on this machine under one home, and where; written by the supervisor alone, read by all."""

from __future__ import annotations

import os
import secrets
import uuid
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.local.ports import FarmPorts
from cluster.local.processes import ProcessMark
from jobs.errors import Unavailable


class FarmFileDamaged(Unavailable):
    """The farm's record cannot be read."""

    code: ClassVar[str] = "farm-file-damaged"


class Stage(StrEnum):
    """How far the farm is."""

    STARTING = "starting"
    POSTGRES = "postgres"
    MIGRATIONS = "migrations"
    RAY = "ray"
    DEPLOY = "deploy"
    READY = "ready"
    REPAIRING = "repairing"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class RayRecord(BaseModel):
    """The Ray cluster that the farm started, enough to find every process of it after a crash of the supervisor."""

    model_config = ConfigDict(frozen=True)

    session: str
    """The value of RAYFARM_RAY_SESSION that each of its processes was started with."""
    sid: int
    temp_dir: Path
    gcs: ProcessMark | None = None
    raylet: ProcessMark | None = None


class FarmFile(BaseModel):
    """The whole record; it holds no secret."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    cluster_id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    stage: Stage = Stage.STOPPED
    detail: str = ""
    since: datetime = Field(default_factory=lambda: datetime.now(UTC))
    supervisor: ProcessMark | None = None
    ports: FarmPorts | None = None
    ray: RayRecord | None = None
    ray_logs: Path | None = None
    """Where the last Ray cluster of this farm kept its logs; they stay there when it is down."""
    http_host: str = "127.0.0.1"
    num_cpus: int = 1
    render_slots: int = 1
    postgres_restarts: int = 0
    ray_restarts: int = 0

    @property
    def api_url(self) -> str | None:
        """Where the API answers; an address that listens everywhere is reached by loopback."""
        host = "127.0.0.1" if self.http_host in ("0.0.0.0", "::") else self.http_host  # noqa: S104 - compared only
        return f"http://{host}:{self.ports.http}" if self.ports else None

    @property
    def dashboard_url(self) -> str | None:
        """Where Ray's dashboard answers; it asks for the token in `ray_token`."""
        return f"http://127.0.0.1:{self.ports.dashboard}" if self.ports else None

    @property
    def ray_address(self) -> str | None:
        """RAY_ADDRESS of a driver."""
        return f"127.0.0.1:{self.ports.gcs}" if self.ports else None


class FarmHome:
    """The layout of a farm's directory."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.record_path = self.root / "farm.json"
        self.lock_path = self.root / "supervisor.lock"
        self.logs = self.root / "logs"
        self.supervisor_out = self.logs / "supervisor.out"
        self.postgres = self.root / "postgres"
        self.storage = self.root / "storage"
        self.cache = self.root / "cache"
        self.ray_token = self.root / "ray_token"
        self.storage_signing_key = self.root / "storage_signing_key"
        self.token_key = self.root / "token_key"
        self.webhook_key = self.root / "webhook_key"

    def create(self) -> None:
        """Make the directories and the secrets that are not there yet."""
        for directory in (self.root, self.logs, self.storage, self.cache):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.ray_token, self.storage_signing_key, self.token_key, self.webhook_key):
            _make_secret(path)

    def read(self) -> FarmFile | None:
        """The record, or None where no farm was ever started."""
        try:
            return FarmFile.model_validate_json(self.record_path.read_text())
        except FileNotFoundError:
            return None
        except ValidationError as error:
            raise FarmFileDamaged(
                f"{self.record_path} is not a farm's record.",
                remedy="Move it away if no farm runs there; data and models are kept.",
            ) from error

    def write(self, record: FarmFile) -> None:
        """Replace the record in one step, so that a reader never sees half of one."""
        making = self.record_path.with_name("farm.json.new")
        making.write_text(record.model_dump_json(indent=2) + "\n")
        making.replace(self.record_path)


def _make_secret(path: Path) -> None:
    """32 random bytes, mode 0600 from the start; the file appears whole or not at all."""
    if path.exists() and path.stat().st_size > 0:
        return
    making = path.with_name(f"{path.name}.{os.getpid()}")
    making.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    making.replace(path)
