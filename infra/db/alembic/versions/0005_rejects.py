"""Rows that migrations leave out, and what becomes of values that targets cannot keep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    rules = sa.Column("on_misfit", postgresql.JSONB(), nullable=False, server_default="[]")
    op.add_column("migration", rules)
    op.add_column("migration", sa.Column("reject_limit", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "migration_reject",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("table_number", sa.Integer(), nullable=False),
        sa.Column("chunk_number", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("column_name", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("row_values", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("migration_id", "table_number", "chunk_number", "number"),
    )
