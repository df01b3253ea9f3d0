"""Uploads are verified under a fence, and a blob that is sent again keeps the time since when its project has it."""

from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("Rayfarm's migrations go forward; restore a backup to go back.")
