"""Brings the farm's database to this release: `python -m cluster.local.migrate`, in a process of its own.

The supervisor lives for weeks in 40 MiB; the migration tools would double that.
"""

from __future__ import annotations

import os

from db.migrate import upgrade

if __name__ == "__main__":
    upgrade(os.environ["RAYFARM_DATABASE_URL"])
