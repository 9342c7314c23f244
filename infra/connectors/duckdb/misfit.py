"""Values beyond a limit (`domain.migrations.limits`), as conditions in DuckDB's SQL."""

from __future__ import annotations

import duckdb

from domain.catalog.types import Carrier, Float, Timestamp, carrier
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
from domain.migrations.misfits import ColumnLimit, Profile
from domain.migrations.transfer import TableCopy
from infra.connectors.duckdb import values
from infra.connectors.duckdb.session import qualified
from infra.connectors.profiling import Counted, counting_sql, example_text, examples_sql, rejected_sql
from infra.connectors.sql.text import literal, quoted

STRIP = "replace({}, chr(0), '')"
"""Takes the character NUL out of a text."""

_SECOND_DIGITS = 6


def profile_table(
    connection: duckdb.DuckDBPyConnection,
    copy: TableCopy,
    limits: tuple[ColumnLimit, ...],
    rejecting: tuple[ColumnLimit, ...],
) -> Profile:
    """Count the values beyond each limit, and name rows that hold one."""
    rows = f"{qualified(copy.source)} AS source"
    counted = Counted(limits, connection.execute(counting_sql(rows, limits, beyond)).fetchall()[0])
    rejected = counted.rejected(rejecting)
    if together := counted.overlapping(rejecting):
        [(rejected,)] = connection.execute(rejected_sql(rows, together, beyond)).fetchall()
    key = [f"CAST(source.{quoted(name)} AS VARCHAR)" for name in copy.key]
    examples = {
        on: tuple(
            example_text(copy.key, row) for row in connection.execute(examples_sql(rows, key, on, beyond)).fetchall()
        )
        for on in (counted.found if key else ())
    }
    return counted.profile(rejected, examples)


def beyond(on: ColumnLimit) -> str:
    """Spell the condition under which a value of a column of the table called `source` is beyond a limit."""
    column = f"source.{quoted(on.column)}"
    match on.limit:
        case Whole(low, high):
            return f"{column} NOT BETWEEN {low} AND {high}"
        case Present():
            return f"{column} IS NULL"
        case Finite(infinite) if isinstance(on.type, Float):
            return f"isnan({column})" if infinite else f"NOT isfinite({column})"
        case Single():
            return f"isfinite({column}) AND TRY_CAST({column} AS FLOAT)::DOUBLE IS DISTINCT FROM {column}"
        case RealDay(first, last, infinite):
            return (
                f"CASE WHEN isfinite({column}) THEN {_year(on, column)} NOT BETWEEN {first} AND {last} "
                f"ELSE {'1 = 0' if infinite else '1 = 1'} AND {column} IS NOT NULL END"
            )
        case Between(first, last):
            is_instant = isinstance(on.type, Timestamp) and on.type.zoned
            zone, type_ = ("+00", "TIMESTAMPTZ") if is_instant else ("", "TIMESTAMP")
            return f"{column} NOT BETWEEN CAST('{first}{zone}' AS {type_}) AND CAST('{last}{zone}' AS {type_})"
        case WithinDay():
            return f"CAST({column} AS VARCHAR) LIKE '24:%'"
        case SecondDigits(most):
            digits = f"microsecond({column}) % 1{'0' * (_SECOND_DIGITS - most)} <> 0"
            return f"CASE WHEN isfinite({column}) THEN {digits} END" if isinstance(on.type, Timestamp) else digits
        case (
            Digits()
            | Finite()
            | Characters()
            | Octets()
            | NoNul()
            | Utf8()
            | Unpadded()
            | Filled()
            | NoNulEscape()
            | OneOf()
        ):
            return _text_beyond(on, column)


def _year(on: ColumnLimit, column: str) -> str:
    is_instant = isinstance(on.type, Timestamp) and on.type.zoned
    return f"year({column} AT TIME ZONE 'UTC')" if is_instant else f"year({column})"


def _text_beyond(on: ColumnLimit, column: str) -> str:
    text = values.carried(column, on.native, on.type)
    if carrier(on.type) is Carrier.BYTES:
        return f"octet_length({text}) > {on.limit.most}" if isinstance(on.limit, Octets) else "1 = 0"
    match on.limit:
        case Digits(precision, scale):
            shape = f"-?0*[0-9]{{0,{precision - scale}}}([.][0-9]{{0,{scale}}}0*)?"
            return f"NOT regexp_full_match({text}, '{shape}')"
        case Finite(infinite):
            words = "'NaN'" if infinite else "'NaN', 'Infinity', '-Infinity'"
            return f"{text} IN ({words})"
        case Characters(most) | Octets(most):
            return f"{'length' if isinstance(on.limit, Characters) else 'strlen'}({text}) > {most}"
        case OneOf(labels):
            return f"{text} NOT IN ({', '.join(literal(label) for label in labels) or 'NULL'})"
        case Utf8():
            return "1 = 0"
        case Filled():
            return f"{text} = ''"
        case Unpadded():
            return f"suffix({text}, ' ')"
        case NoNulEscape():
            return f"regexp_matches({text}, {literal(NUL_ESCAPE)})"
        case _:
            return f"contains({text}, chr(0))"
