"""Fixtures that every test may ask for."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.support.notes", "tests.support.servers", "tests.support.api", "tests.support.workers"]

# A busy machine is no failure. `pytest --hypothesis-profile=nightly` asks for as many values as a night allows.
settings.register_profile("usual", deadline=None)
settings.register_profile("nightly", deadline=None, max_examples=10_000)
settings.load_profile("usual")
