"""Projections: what events make of the read tables, a module per slice."""
