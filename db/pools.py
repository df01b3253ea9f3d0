"""How many replicas the leader wants; read by the autoscaling policy from a thread of Serve's controller."""

from __future__ import annotations

import psycopg

from db.errors import DatabaseUnavailable
from db.settings import DatabaseSettings

_DESIRED = """
select desired from pool
where cluster_id = %(cluster_id)s and name = %(pool)s and updated_at > now() - make_interval(secs => %(stale_after_s)s)
"""


def read_desired(settings: DatabaseSettings, *, cluster_id: str, pool: str, stale_after_s: float) -> int | None:
    """Slots that the leader asked for within ``stale_after_s`` seconds; None when it has not said.

    Blocking, with a connection of its own: the controller must not keep one of the farm's. Raises
    ``DatabaseUnavailable``.
    """
    arguments = settings.connect_arguments(suffix=" autoscaling")
    try:
        with psycopg.connect(settings.libpq_url, autocommit=True, **arguments) as connection:  # type: ignore[arg-type]
            row = connection.execute(
                _DESIRED, {"cluster_id": cluster_id, "pool": pool, "stale_after_s": stale_after_s}
            ).fetchone()
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(f"The wanted size of pool {pool} cannot be read: {error}") from error
    return int(row[0]) if row else None
