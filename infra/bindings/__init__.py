"""Which handler answers which request, a module per slice."""
