"""The read side: each reader runs SQL over the projections and returns views, a module per slice."""
