"""The migrations slice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _migration()
    _migration_assignment()
    _migration_chunk()
    _migration_event()
    _migration_log()
    _migration_plan()
    _migration_report()
    _migration_stream()
    _migration_table()


def _migration() -> None:
    op.create_table(
        "migration",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("source_connection_id", sa.Uuid(), nullable=False),
        sa.Column("target_connection_id", sa.Uuid(), nullable=False),
        sa.Column("mapping_id", sa.Uuid(), nullable=True),
        sa.Column("include", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("exclude", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("parallel_tasks", sa.Integer(), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("verify", sa.String(), nullable=False),
        sa.Column("on_existing", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("statistics", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_migration_project_id"), "migration", ["project_id"], unique=False)
    op.create_index(op.f("ix_migration_source_connection_id"), "migration", ["source_connection_id"], unique=False)
    op.create_index(op.f("ix_migration_status"), "migration", ["status"], unique=False)
    op.create_index(op.f("ix_migration_target_connection_id"), "migration", ["target_connection_id"], unique=False)


def _migration_assignment() -> None:
    op.create_table(
        "migration_assignment",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("table_number", sa.Integer(), nullable=True),
        sa.Column("rows_under_way", sa.BigInteger(), nullable=False),
        sa.Column("bytes_under_way", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("migration_id", "task"),
    )
    op.create_index(op.f("ix_migration_assignment_holder"), "migration_assignment", ["holder"], unique=False)


def _migration_chunk() -> None:
    op.create_table(
        "migration_chunk",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("table_number", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("scope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("row_estimate", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("reading", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("migration_id", "table_number", "number"),
    )
    op.create_index(
        "migration_chunk_open",
        "migration_chunk",
        ["migration_id", "place"],
        unique=False,
        postgresql_where=sa.text("state IN ('PENDING', 'CLAIMED')"),
    )


def _migration_event() -> None:
    op.create_table(
        "migration_event",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("frame", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("migration_id", "sequence"),
    )


def _migration_log() -> None:
    op.create_table(
        "migration_log",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("repeated", sa.Integer(), nullable=False),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("migration_id", "sequence"),
        sa.UniqueConstraint("id"),
    )


def _migration_plan() -> None:
    op.create_table(
        "migration_plan",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("prepared", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("migration_id"),
    )


def _migration_report() -> None:
    op.create_table(
        "migration_report",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("migration_id"),
    )


def _migration_stream() -> None:
    op.create_table(
        "migration_stream",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("log_sequence", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows_seen", sa.BigInteger(), nullable=False),
        sa.Column("bytes_seen", sa.BigInteger(), nullable=False),
        sa.Column("rows_per_second", sa.Float(), nullable=False),
        sa.Column("bytes_per_second", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("migration_id"),
    )


def _migration_table() -> None:
    op.create_table(
        "migration_table",
        sa.Column("migration_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("row_estimate", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("chunks_left", sa.Integer(), nullable=False),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("rows_written", sa.BigInteger(), nullable=False),
        sa.Column("rows_rejected", sa.BigInteger(), nullable=False),
        sa.Column("bytes_done", sa.BigInteger(), nullable=False),
        sa.Column("rows_seen", sa.BigInteger(), nullable=False),
        sa.Column("rows_per_second", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("migration_id", "number"),
    )
