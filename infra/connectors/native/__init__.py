"""The C helper that turns wire formats into columns and back, where it could be built.

Without a C compiler at installation there is none, and the connectors do the same in Python, slower.
Import `_native` only after `has_native`.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

SWITCH = "WHERRY_NATIVE"
"""The environment variable that turns the helper off (`off`), to compare or to rule it out."""


@cache
def has_native() -> bool:
    """Tell whether the helper is there and wanted."""
    return os.environ.get(SWITCH, "on").lower() != "off" and find_spec(f"{__name__}._native") is not None
