"""The demonstration: a real database, moved through the API, with everything embedded."""
