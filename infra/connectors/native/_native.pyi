"""The C helper: columns from and to the wire formats of the servers.

Batches are anything with `__arrow_c_array__` whose columns are of carriers (`infra.connectors.arrow`).
Columns are told what they are by one letter each. The functions let other threads run.
"""

from collections.abc import Sequence
from typing import Protocol, Self

class ArrowBatch(Protocol):
    """What can be handed over as an Arrow batch without a copy."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Return the capsules of schema and array."""
        ...

class Misfit(ValueError):
    """A value cannot be taken. `args` holds the column's place, what is wrong with the value, and its beginning."""

class MysqlRows:
    """Rows of MySQL's text protocol, made into columns.

    Forms: `i` INT64, `u` UINT64, `f` FLOAT64, `b` BOOL, `t` text (checked to be UTF-8), `y` bytes, `s` a text
    whose seconds are filled up to six decimal places.
    """

    def __new__(cls, forms: str) -> Self: ...
    @property
    def rows(self) -> int:
        """The number of rows held."""

    def take(self, buffer: bytes, at: int, rows_max: int) -> tuple[int, bool]:
        """Take whole packets from place `at` on; return where the next begins, and whether it ends the result.

        Raises:
            Misfit: a value is not of its column's type.
        """

    def add(self, payload: bytes) -> None:
        """Take a row that was put together from several packets."""

    def batch(self) -> ArrowBatch:
        """Hand the rows over and begin anew."""

class CopyRows:
    """Rows of PostgreSQL's binary COPY, made into columns.

    Forms: `2` `4` `8` `o` integers and oid, `e` `f` real and double, `b` boolean, `t` text, `j` jsonb, `y` bytea,
    `n` numeric, `d` date, `s` timestamp, `m` time, `u` uuid; moments, numbers and UUIDs become canonical texts.
    """

    def __new__(cls, forms: str) -> Self: ...
    def take(self, block: bytes) -> ArrowBatch:
        """Return the rows of a block of whole rows; the first block begins with COPY's header.

        Raises:
            Misfit: the bytes are not what the forms say.
        """

def copy_binary(batch: ArrowBatch, forms: str, limits: Sequence[int]) -> bytes:
    """Spell a batch as rows of binary COPY, without header and trailer.

    Forms are those of `CopyRows`, and `i` interval (of a duration) and `B` bit strings; `limits` are
    the most characters of each text column, 0 for no limit.

    Raises:
        Misfit: a value has no exact place in its column.
        ValueError: a column of this carrier cannot take its form.
    """

def load_text(batch: ArrowBatch, forms: str) -> bytes:
    r"""Spell a batch as input of LOAD DATA (tabs, line feeds, `\N`, backslashes).

    Forms: `-` as usual, `p` a text with nothing to escape, `Y` a YEAR.
    """
