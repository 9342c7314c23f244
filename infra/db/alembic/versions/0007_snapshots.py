"""Which states of the source a migration has read, and why it paused when it has lost one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("migration", sa.Column("pause_reason", postgresql.JSONB(), nullable=True))
    op.add_column("migration_plan", sa.Column("is_void", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "migration_moment",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("reading", sa.String(), nullable=False),
        sa.Column("moment", postgresql.JSONB(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("migration_id", "reading"),
    )
