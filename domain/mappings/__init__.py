"""Mappings: which source table and column becomes which target table and column."""
