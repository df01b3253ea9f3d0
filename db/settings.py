"""How to reach the database: one frozen settings class, read from ``RAYFARM_DATABASE_*``."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from jobs.settings import FarmSettings


class DatabaseSettings(FarmSettings):
    """Any PostgreSQL from 14 on; the one-machine farm passes the URL of its embedded server."""

    model_config = SettingsConfigDict(env_prefix="RAYFARM_DATABASE_", frozen=True)

    url: SecretStr = Field(description="postgresql://user:password@host:port/database")

    application_name: str = "rayfarm"
    """Shown in pg_stat_activity, so that an operator knows who holds a lock."""

    pool_size: int = Field(4, ge=1)
    """Connections that a process keeps; each is a server process of about 2 MiB, and the embedded server takes 60."""

    pool_overflow: int = Field(4, ge=0)
    """Connections beyond them in a burst; closed when it is over."""

    pool_timeout: timedelta = timedelta(seconds=10)
    """Longest wait for a free connection; longer means that something holds them all."""

    connect_timeout: timedelta = timedelta(seconds=5)
    """A server on the same network answers in milliseconds; a dead address must not hold a beat for long."""

    statement_timeout: timedelta = timedelta(seconds=30)
    """The slowest statement of ours (a million reused frames) takes seconds; a hung one must end."""

    lock_timeout: timedelta = timedelta(seconds=10)
    """Row locks are held for milliseconds."""

    idle_in_transaction_timeout: timedelta = timedelta(seconds=60)
    """A process that stopped in mid-transaction must not keep its locks."""

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr) -> SecretStr:
        try:
            parsed = make_url(url.get_secret_value())
        except ArgumentError:
            raise ValueError(
                "The database URL cannot be read; write postgresql://user:password@host/database."
            ) from None
        if parsed.get_backend_name() not in ("postgresql", "postgres"):
            raise ValueError(f"Rayfarm keeps its jobs in PostgreSQL; the URL says {parsed.get_backend_name()!r}.")
        return url

    @property
    def sqlalchemy_url(self) -> URL:
        """For SQLAlchemy, with the psycopg 3 driver whatever driver the URL names."""
        return make_url(self.url.get_secret_value()).set(drivername="postgresql+psycopg")

    @property
    def libpq_url(self) -> str:
        """For psycopg itself; holds the password, so never log it."""
        plain = make_url(self.url.get_secret_value()).set(drivername="postgresql")
        return plain.render_as_string(hide_password=False)

    def connect_arguments(self, *, suffix: str = "") -> dict[str, object]:
        """libpq parameters of every connection; the keepalives notice a peer that vanished within half a minute."""
        limits = {
            "statement_timeout": self.statement_timeout,
            "lock_timeout": self.lock_timeout,
            "idle_in_transaction_session_timeout": self.idle_in_transaction_timeout,
        }
        options = [f"-c {name}={int(limit.total_seconds() * 1000)}" for name, limit in limits.items()]
        return {
            "application_name": self.application_name + suffix,
            "connect_timeout": max(2, round(self.connect_timeout.total_seconds())),
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "options": " ".join(options),
        }
