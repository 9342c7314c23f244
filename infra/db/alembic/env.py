"""Alembic's entry point. It runs on the connection that `infra.db.upgrade` hands it."""

from __future__ import annotations

from alembic import context

from infra.db.tables.registry import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata())
with context.begin_transaction():
    context.run_migrations()
