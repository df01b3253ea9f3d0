"""Whether the database lets anybody in: PostgreSQL's ``trust`` (pg_hba.conf), which no setting of ours shows."""

from __future__ import annotations

import secrets

import psycopg
from sqlalchemy import make_url

from db.settings import DatabaseSettings


def accepts_anybody(settings: DatabaseSettings) -> bool:
    """Whether a password that nobody has is accepted. False also where the server does not answer."""
    url = make_url(settings.libpq_url).set(password=secrets.token_urlsafe(24))
    try:
        with psycopg.connect(
            url.render_as_string(hide_password=False),
            connect_timeout=max(2, round(settings.connect_timeout.total_seconds())),
        ):
            return True
    except psycopg.OperationalError:
        return False
