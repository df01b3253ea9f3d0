"""The wish of the planner for the size of a pool, for an autoscaling policy that runs in a thread of its own."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from db._query import statement
from db.errors import DatabaseUnavailable
from db.settings import DatabaseSettings


def read_desired(settings: DatabaseSettings, *, cluster_id: str, pool: str, stale_after_s: float) -> int | None:
    """Slots that the planner wants; None where no leader has said so within ``stale_after_s``.

    Blocks, and keeps no connection: the policy lives in a controller whose event loop is not ours.
    """
    engine = create_engine(
        settings.sqlalchemy_url, poolclass=NullPool, connect_args=settings.connect_arguments(suffix=" autoscaling")
    )
    wanted = {"cluster_id": cluster_id, "pool": pool, "stale_after": timedelta(seconds=stale_after_s)}
    try:
        with engine.connect() as connection:
            desired: int | None = connection.execute(statement("read_desired"), wanted).scalar_one_or_none()
            return desired
    except OperationalError as error:
        raise DatabaseUnavailable(f"The size of pool {pool} could not be read: {error.orig}") from error
    finally:
        engine.dispose()
