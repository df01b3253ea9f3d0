"""A database without rows, for the next test."""

from __future__ import annotations

from typing import Any

import psycopg

_EMPTY = """
do $$ declare each text; begin
    -- The order of foreign keys does not matter, and the audit log would refuse.
    set local session_replication_role = replica;
    for each in select quote_ident(tablename) from pg_tables
                where schemaname = 'public' and tablename <> 'alembic_version' loop
        execute 'delete from ' || each;
    end loop;
    for each in select quote_ident(sequencename) from pg_sequences where schemaname = 'public' loop
        perform setval(each::regclass, 1, false);
    end loop;
end $$
"""


def empty(connection: psycopg.Connection[Any]) -> None:
    """Delete all rows of a migrated database: a tenth of the time of truncating its tables, which makes new files."""
    connection.execute(_EMPTY)
