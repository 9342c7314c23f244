"""What it takes to resume migrations: plans to be compared again, losses of workers counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("migration_plan", sa.Column("is_checked", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("migration_stream", sa.Column("losses", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("migration_stream", sa.Column("mark", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("migration_stream", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
