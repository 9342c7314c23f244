"""A batch of columns, as far as those need to know it who do not look into it."""

from __future__ import annotations

from typing import Protocol


class Columns(Protocol):
    """A batch of columns; in practice a `pyarrow.RecordBatch`."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def nbytes(self) -> int:
        """Size in memory, in bytes."""
        ...
