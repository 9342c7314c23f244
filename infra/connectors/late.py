"""Parts of Arrow that are imported at their first use; what goes through the C helper needs none of them.

`pyarrow.compute` alone takes as long to import as the rest of Arrow.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class _Late:
    """A module that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:  # noqa: ANN401 - Arrow has no types
        found = getattr(import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found


compute = _Late("pyarrow.compute")
csv = _Late("pyarrow.csv")
