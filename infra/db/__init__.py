"""The control store: events, projections, outbox and the stores beside them, in PostgreSQL."""
