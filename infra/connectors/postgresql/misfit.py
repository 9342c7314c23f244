"""Values beyond a limit (`domain.migrations.limits`), as conditions in PostgreSQL's SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.types import Carrier, Date, Float, LogicalType, Time, Timestamp, carrier
from domain.kernel.values import Rows
from domain.migrations.limits import (
    NUL_ESCAPE,
    Between,
    Characters,
    Digits,
    Filled,
    Finite,
    NoNul,
    NoNulEscape,
    Octets,
    OneOf,
    Present,
    RealDay,
    SecondDigits,
    Single,
    Unpadded,
    Utf8,
    Whole,
    WithinDay,
)
from domain.migrations.misfits import Profile
from infra.connectors.postgresql import canonical
from infra.connectors.postgresql.names import identifier, literal
from infra.connectors.postgresql.session import keeps_any_bytes
from infra.connectors.profiling import Counted, counting_sql, example_text, examples_sql, rejected_sql

if TYPE_CHECKING:
    import asyncpg

    from domain.migrations.misfits import ColumnLimit
    from domain.migrations.transfer import TableCopy
    from infra.connectors.postgresql.relation import Relation

_CHARACTER = "|".join(
    (
        *(r"[\u0001-\u007f]", r"[\u00c2-\u00df][\u0080-\u00bf]", r"\u00e0[\u00a0-\u00bf][\u0080-\u00bf]"),
        *(r"[\u00e1-\u00ec\u00ee\u00ef][\u0080-\u00bf]{2}", r"\u00ed[\u0080-\u009f][\u0080-\u00bf]"),
        *(r"\u00f0[\u0090-\u00bf][\u0080-\u00bf]{2}", r"[\u00f1-\u00f3][\u0080-\u00bf]{3}"),
        r"\u00f4[\u0080-\u008f][\u0080-\u00bf]{2}",
    )
)
"""A character of UTF-8 in a database in SQL_ASCII, where every byte is a character to an expression."""

STRIP = f"regexp_replace({{}}, '((?:{_CHARACTER.replace('{', '{{').replace('}', '}}')})+)|.', '\\1', 'g')"
"""Takes out bytes that are no UTF-8; PostgreSQL's texts hold no NUL."""

_NEVER = "1 = 0"
_SECOND_DIGITS = 6
_SINGLE_MIN, _SINGLE_MAX = "1.401298464324817e-45::float8", "3.4028234663852886e38::float8"
_YEAR_FIRST, _DATE_YEAR_LAST, _TIMESTAMP_YEAR_LAST = -4712, 5_874_897, 294_276
"""The years of PostgreSQL's own dates and timestamps; bounds outside of them cannot be written."""


async def profile(
    connection: asyncpg.Connection,
    relation: Relation,
    copy: TableCopy,
    limits: tuple[ColumnLimit, ...],
    rejecting: tuple[ColumnLimit, ...],
) -> Profile:
    """Count the values beyond each limit, and name rows that hold one.

    What a database takes is UTF-8 in every encoding but SQL_ASCII.
    """
    key = [f"{identifier(name)}::text" for name in copy.key]
    if keeps_any_bytes(connection):
        key = [_readable(text) for text in key]
    else:
        limits = tuple(on for on in limits if not isinstance(on.limit, Utf8))
        rejecting = tuple(on for on in rejecting if not isinstance(on.limit, Utf8))
    if not limits:
        return Profile(copy.row_estimate, Rows(0), ())
    counted = Counted(limits, tuple(await connection.fetchrow(counting_sql(relation.rows, limits, beyond))))
    rejected = counted.rejected(rejecting)
    if together := counted.overlapping(rejecting):
        rejected = await connection.fetchval(rejected_sql(relation.rows, together, beyond))
    examples = {}
    for on in counted.found if key else ():
        found = await connection.fetch(examples_sql(relation.rows, key, on, beyond))
        examples[on] = tuple(example_text(copy.key, tuple(row)) for row in found)
    return counted.profile(rejected, examples)


def _readable(text: str) -> str:
    """Spell a text in such a way that it can be shown, whatever bytes it is made of."""
    return f"CASE WHEN {_is_utf8(text)} THEN {text} ELSE encode(convert_to({text}, 'SQL_ASCII'), 'escape') END"


def _is_utf8(text: str) -> str:
    return f"{text} ~ '^(?:{_CHARACTER})*$'"


def beyond(on: ColumnLimit) -> str:
    """Spell the condition under which a value of a column is beyond a limit."""
    column = identifier(on.column)
    match on.limit:
        case Whole() | Digits() | Finite() | Single():
            return _number_beyond(on, column)
        case Present():
            return f"{column} IS NULL"
        case RealDay(first, last, infinite):
            outside = f"({_outside(on.type, column, first, last)})"
            return f"({outside} AND isfinite({column}))" if infinite else outside
        case Between(first, last):
            zone, type_ = (
                ("+00", "timestamptz") if isinstance(on.type, Timestamp) and on.type.zoned else ("", "timestamp")
            )
            return f"{column} NOT BETWEEN '{first}{zone}'::{type_} AND '{last}{zone}'::{type_}"
        case WithinDay():
            return f"{column} = '24:00'"
        case SecondDigits(most):
            digits = f"extract(microseconds FROM {column})::bigint % 1{'0' * (_SECOND_DIGITS - most)} <> 0"
            return digits if isinstance(on.type, Time) else f"CASE WHEN isfinite({column}) THEN {digits} END"
        case Characters() | Octets() | NoNul() | Utf8() | Unpadded() | Filled() | NoNulEscape() | OneOf():
            return _text_beyond(on, column)


def _number_beyond(on: ColumnLimit, column: str) -> str:
    match on.limit:
        case Whole(low, high):
            return f"{column} NOT BETWEEN {low} AND {high}"
        case Digits(precision, scale):
            number = f"{column}::numeric"
            return f"(abs({number}) >= 1{'0' * (precision - scale)} OR trunc({number}, {scale}) <> {number})"
        case Finite(infinite):
            words = "'NaN'" if infinite else "'NaN', 'Infinity', '-Infinity'"
            return f"{column}::{'float8' if isinstance(on.type, Float) else 'text'} IN ({words})"
        case _:
            return _rounded(column)


def _rounded(column: str) -> str:
    """Tell numbers that single precision has not; a cast of those beyond its range would be an error."""
    return (
        f"CASE WHEN {column} IN (0, 'NaN', 'Infinity', '-Infinity') THEN FALSE"
        f" WHEN abs({column}) NOT BETWEEN {_SINGLE_MIN} AND {_SINGLE_MAX} THEN TRUE"
        f" ELSE {column}::float4::float8 <> {column} END"
    )


def _outside(type_: LogicalType, column: str, first: int, last: int) -> str:
    """Compare days with the first and the last, which is much faster than to ask for their year.

    Infinities lie outside too. Years before Christ are written without a year 0.
    """
    since = f"{first:04}-01-01" if first > 0 else f"{1 - first:04}-01-01 BC"
    beyond_last = f"{last + 1:04}-01-01" if last > 0 else f"{-last:04}-01-01 BC" if last < 0 else "0001-01-01"
    bounds = [f"{column} < {literal(since)}"] if first > _YEAR_FIRST else [f"{column} = '-infinity'"]
    year_last = _DATE_YEAR_LAST if isinstance(type_, Date) else _TIMESTAMP_YEAR_LAST
    bounds.append(f"{column} >= {literal(beyond_last)}" if last < year_last else f"{column} = 'infinity'")
    return " OR ".join(bounds)


def _text_beyond(on: ColumnLimit, column: str) -> str:
    if carrier(on.type) is Carrier.BYTES:
        return f"octet_length({column}) > {on.limit.most}" if isinstance(on.limit, Octets) else _NEVER
    text = canonical.text(column, on.native, on.type)
    match on.limit:
        case Characters(most):
            return f"char_length({text}) > {most}"
        case Octets(most):
            return f"octet_length(convert_to({text}, 'UTF8')) > {most}"
        case OneOf(labels):
            return f"{text} NOT IN ({', '.join(literal(label) for label in labels) or 'NULL'})"
        case Utf8():
            return f"NOT {_is_utf8(text)}"
        case Filled():
            return f"{text} = ''"
        case Unpadded():
            return f"{text} LIKE '% '"
        case NoNulEscape():
            return f"{text} ~ {literal(NUL_ESCAPE)}"
        case _:
            return _NEVER
