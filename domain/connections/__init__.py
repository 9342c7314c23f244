"""Connections: where a database is, how to sign in to it, and whether that works."""
