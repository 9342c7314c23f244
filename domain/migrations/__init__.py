"""Migrations: moving a database from a source to a target, chunk by chunk, verified."""
