"""The jobs of the workers: each loads, calls the engine, reports."""
