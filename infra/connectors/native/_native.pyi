"""The C helper: columns from and to the wire formats of the servers.

Batches are anything with `__arrow_c_array__` whose columns are of carriers (`infra.connectors.arrow`).
Columns are told what they are by one letter each. The functions let other threads run.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self, TypeAlias

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

    def add(self, payload: bytes | bytearray) -> None:
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

class CopySums:
    """Adds up the hashes of rows of PostgreSQL's binary COPY, as the server computes them (`RowHash.POSTGRESQL`).

    Forms: `2` `4` `8` integers (of LARGE columns: `8`), `b` boolean, `d` date, `n` numeric of at most 100 digits;
    and what enters as text: `N` any other numeric, `t` text, `c` text that blanks fill up, `j` jsonb, `y` bytea,
    `s` timestamp, `z` timestamp with time zone, `m` time, `u` uuid.
    """

    def __new__(cls, forms: str) -> Self: ...
    def take(self, block: bytes) -> tuple[int, int]:
        """Return the number of rows of a block of whole rows, and their sum; the first block begins with COPY's header.

        Raises:
            Misfit: the bytes are not what the forms say.
        """

class CopyWire:
    """What PostgreSQL sends in answer to a COPY TO STDOUT, taken off a socket that nobody else reads meanwhile."""

    def __new__(cls, socket: int) -> Self: ...
    @property
    def tag(self) -> bytes:
        """What the server says it has done, with a zero byte at its end; empty before it has."""

    @property
    def error(self) -> bytes:
        """The fields of the server's error message; empty if it has sent none."""

    @property
    def ended(self) -> bool:
        """Whether the server waits for the next statement; what was taken last is all there was left."""

    def take(self, bytes_max: int) -> bytes | None:
        """Return the next whole rows: as many as make `bytes_max`, but for the last one, or those that are left.

        Waits for them without keeping other threads. Returns nothing if the server has hung up with an error.

        Raises:
            ConnectionError: the server has hung up without a word, or speaks of something else.
            OSError: the line has failed.
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

class SqliteFailed(Exception):
    """SQLite said no. `args` holds its extended result code and its message."""

class SqliteHandle:
    """A connection that Python's sqlite3 has opened. Whoever closes that one closes this one first."""

    def close(self) -> None:
        """Let go of the connection; what is still begun on it fails."""

def sqlite_find(path: str | None) -> str | None:
    """Look up SQLite's functions in a library that is loaded already (None: in the program itself).

    Returns SQLite's version, nothing if the functions are not to be found. From then on SQLite tells of
    every connection that is opened.
    """

def sqlite_opened() -> SqliteHandle | None:
    """Return the connection that this thread has opened last, once."""

SqliteValue: TypeAlias = int | float | bytes | bytearray
"""A stored value: text as `bytearray`, a blob as `bytes`."""

Shape: TypeAlias = tuple[str, int, int]
"""What values are made into: a letter and two numbers.

`i` INT64, `u` UINT64, `f` FLOAT64, `b` BOOL, `y` bytes, `t` text, `d` date, `s` timestamp, `z` instant, `Z` instant
that is marked as UTC, `m` time, `g` UUID, `B` bits (their number), `n` decimal (digits, places), `N` decimal of
any size, `j` JSON.
"""

Walk: TypeAlias = tuple[int, int, int | None, Sequence[tuple[int, bool]]]
"""How to read by pages what a query would give: the table's first page, the first row number, the one to end before,
and of each column its place in a stored row (-1: it is the row number) and whether whole numbers in it are doubles.

The query's first parameter is the first row number. It goes on by itself from a row that is not as expected.
"""

class SqliteRows:
    """The rows of a query, made into columns. `ask` is given the place and value of what has no usual spelling."""

    def __new__(
        cls,
        handle: SqliteHandle,
        sql: str,
        parameters: Sequence[int | str],
        shapes: Sequence[Shape],
        ask: Callable[[int, SqliteValue], object],
        walk: Walk | None = None,
    ) -> Self: ...
    def take(self, rows_max: int, bytes_max: int) -> tuple[int, int, ArrowBatch]:
        """Return the number of the next rows, the bytes of their values, and the rows; no rows at the end.

        Raises:
            SqliteFailed: the query failed.
        """

    def close(self) -> None:
        """End the query."""

def sqlite_scan(
    handle: SqliteHandle,
    sql: str,
    parameters: Sequence[int | str],
    columns: Sequence[tuple[Sequence[Shape], bool]],
    ask: Callable[[int, int, SqliteValue], bool],
    walk: Walk | None = None,
) -> tuple[int, list[dict[str, Any]]]:
    """Count the rows of a query and say what each column holds.

    A column has the shapes that its values may fit, and whether the characters of its texts are counted.
    `ask` is given the places of column and shape and a value of no usual spelling, and says whether it fits.

    Raises:
        SqliteFailed: the query failed.
    """

def sqlite_digest(
    handle: SqliteHandle,
    sql: str,
    parameters: Sequence[int | str],
    shapes: Sequence[Shape],
    how: str,
    ask: Callable[[int, SqliteValue], bytes],
    links: str,
) -> tuple[int, int]:
    """Return the number of rows of a query, and the sum of their hashes.

    Shapes: `i` digits, `f` the hex digits of a double, `t` text as it is, `s` moment, `m` time, `n` decimal
    (digits, places), `N` decimal of any size: all these are plain. `S` text and `y` bytes begin with their length
    (and are taken by their MD5 beyond the first number), `h` stands for a value's MD5. `ask` spells what is of
    another kind, unframed. `how` is a letter of `row_hash`; `l` is chained (`domain.migrations.canonical.Link`), with a
    letter for each column: `i` SMALL, `I` LARGE, `d` DAY, `n` DECIMAL, `t` TEXT.

    Raises:
        SqliteFailed: the query failed.
    """

def sqlite_insert(handle: SqliteHandle, sql: str, batch: ArrowBatch) -> None:
    """Run a statement once for every row of a batch, whose columns it binds.

    Raises:
        SqliteFailed: a row was refused; those before it are there until the transaction is rolled back.
    """

def row_hash(how: str, text: bytes) -> int:
    """Return the hash of a text: `m` MD5, `c` CRC, `l` and `t` lookup3 (`domain.migrations.digests.RowHash`)."""

def batch_digest(batch: ArrowBatch, shapes: Sequence[Shape], hows: str, links: str) -> tuple[int, ...]:
    """Return the sums of the hashes of a batch's rows, one for each of the letters `hows` (of `row_hash`).

    Shapes tell how texts and bytes are spelled (`t`, `S`, `y`, `h` of `sqlite_digest`); links are those of
    `sqlite_digest`.
    """

def md5_digest(content: bytes | bytearray) -> str:
    """Return the lower-case hex MD5 of some bytes, by the code that hashes rows."""
