"""Rollbacks of migrations: who asked for them, and how far they have come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("migration", sa.Column("rollback", postgresql.JSONB(), nullable=True))
    op.create_table(
        "migration_rollback",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("acts", sa.BigInteger(), nullable=False),
        sa.Column("acts_done", sa.Integer(), nullable=False),
        sa.Column("acts_total", sa.Integer(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("migration_id"),
    )
