"""Pieces of SQL, from the text of one engine to that of another."""
