"""Jobs are found by tag, show, shot, and who submitted them; lists of them are read from an index."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("Rayfarm's migrations go forward; restore a backup to go back.")
