"""What a schema of a DuckDB file holds, from its catalogue functions."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import duckdb

from domain.catalog.model import (
    Check,
    Column,
    DatabaseSchema,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Key,
    OtherObject,
    Sequence,
    Table,
    TableName,
    View,
)
from domain.connections.values import Engine
from domain.kernel.values import Bytes, Rows
from infra.connectors.duckdb import types
from infra.connectors.duckdb.capabilities import DEFAULT_SCHEMA, LEDGER_SCHEMA
from infra.connectors.sql.text import (
    bare,
    closing,
    is_balanced,
    literal,
    parse_index,
    quoted,
    split,
    tokenize,
    unquoted,
)

_NEXT_VALUE = re.compile(r"nextval\('(?P<name>(?:[^']|'')+)'\)")
_WORD = re.compile(r"[^\W\d]\w*|\"(?:[^\"]|\"\")+\"")
_COLLATION = re.compile(r"\s+COLLATE\s+([\w.]+)", re.IGNORECASE)
_FIXED_BYTES = 8
_TEXT_BYTES = 24
"""Guesses at the size of a value, for the order in which tables are copied."""

_COMMENTED = (
    ("VIEW", "view_name", "duckdb_views()"),
    ("COLUMN", "table_name, column_name", "duckdb_columns() SEMI JOIN duckdb_views() ON view_oid = table_oid"),
    ("SEQUENCE", "sequence_name", "duckdb_sequences()"),
    ("INDEX", "index_name", "duckdb_indexes()"),
    ("MACRO", "function_name", "duckdb_functions()"),
    ("TYPE", "type_name", "duckdb_types()"),
)
"""What may have a comment beside tables and their columns: its kind, its name, and where it is listed."""


def introspect(connection: duckdb.DuckDBPyConnection, schema: str) -> DatabaseSchema:
    """Describe one schema."""
    [(version,)] = connection.execute("SELECT version()").fetchall()
    sequences = _sequences(connection, schema)
    columns = _columns(connection, schema, sequences)
    owned = {
        name
        for of_table in columns.values()
        for column, name in of_table
        if column.identity is not None and name in sequences
    }
    constraints = _constraints(connection, schema)
    indexes = _indexes(connection, schema)
    sql = (
        "SELECT table_name, coalesce(comment, ''), estimated_size, sql FROM duckdb_tables()"
        " WHERE schema_name = ? AND database_name = current_database() AND NOT internal AND NOT temporary"
        " AND NOT starts_with(table_name, '_wherry_') ORDER BY table_oid"
    )
    tables = tuple(
        _table(TableName(name, schema), comment, rows, _collated(columns[name], statement), constraints[name])
        for name, comment, rows, statement in connection.execute(sql, (schema,)).fetchall()
    )
    tables = tuple(_with_indexes(table, indexes[table.name.name]) for table in tables)
    free = tuple(
        replace(sequence, name=TableName(name, schema)) for name, sequence in sequences.items() if name not in owned
    )
    return DatabaseSchema(
        Engine.DUCKDB, version.removeprefix("v"), tables, free, _views(connection, schema), _others(connection, schema)
    )


def _sequences(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, Sequence]:
    """Describe every sequence; `last_value` is missing before its first use."""
    sql = (
        "SELECT sequence_name, coalesce(last_value + increment_by, start_value), increment_by,"
        " nullif(min_value, CASE WHEN increment_by > 0 THEN 1 ELSE -9223372036854775808 END),"
        " nullif(max_value, CASE WHEN increment_by > 0 THEN 9223372036854775807 ELSE -1 END), cycle"
        " FROM duckdb_sequences() WHERE schema_name = ? AND database_name = current_database() ORDER BY sequence_oid"
    )
    return {row[0]: Sequence(TableName(row[0]), *row[1:]) for row in connection.execute(sql, (schema,)).fetchall()}


def _columns(
    connection: duckdb.DuckDBPyConnection, schema: str, sequences: dict[str, Sequence]
) -> dict[str, list[tuple[Column, str]]]:
    """Return the columns of every table, each with the sequence that numbers it.

    One that counts otherwise than by one, or numbers several columns, is a sequence that defaults name.
    """
    sql = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default, coalesce(comment, ''), is_generated"
        " FROM duckdb_columns() WHERE schema_name = ? AND database_name = current_database() AND NOT internal"
        " ORDER BY table_oid, column_index"
    )
    rows = connection.execute(sql, (schema,)).fetchall()
    uses = Counter(_named(match) for row in rows for match in _NEXT_VALUE.finditer(row[4] or ""))
    plain = {name for name, sequence in sequences.items() if uses[name] == 1 and _is_plain(sequence)}
    found: dict[str, list[tuple[Column, str]]] = defaultdict(list)
    for table, name, native, nullable, expression, comment, generated in rows:
        default = None if generated or expression in (None, "NULL") else expression
        sequence = _sequence_of(default)
        identity = None
        if sequence in plain:
            default, identity = None, Identity(sequences[sequence].next_value)
        column = Column(
            name,
            types.meaning(native),
            native,
            nullable,
            default,
            identity,
            generated=_computed(expression, native) if generated else None,
            comment=comment,
        )
        found[table].append((column, sequence))
    return found


def _collated(columns: list[tuple[Column, str]], statement: str) -> list[Column]:
    """Return a table's columns with their collations, which only its statement tells: right after the type."""
    tokens = tokenize(statement)
    opening = next(place for place, token in enumerate(tokens) if token.word == "(")
    definitions = split(tokens[opening + 1 : closing(tokens, opening)])
    collations = {
        unquoted(tokens[0].text): _COLLATION.match(statement, tokens[1].end)
        for tokens in definitions
        if [token.word for token in tokens[1:3]] == ["VARCHAR", "COLLATE"]
    }
    return [
        replace(column, collation=found[1]) if (found := collations.get(column.name)) else column
        for column, _ in columns
    ]


def _computed(expression: str, native: str) -> str:
    """Return a computed column's expression without the cast to the column's type that DuckDB puts around it."""
    start, end = "CAST(", f" AS {native})"
    if expression.startswith(start) and expression.endswith(end):
        inner = expression[len(start) : -len(end)]
        if is_balanced(inner):
            return bare(inner)
    return expression


def _sequence_of(default: str | None) -> str:
    """Return the sequence whose next value a default is, or nothing."""
    match = _NEXT_VALUE.fullmatch(default or "")
    return _named(match) if match else ""


def _is_plain(sequence: Sequence) -> bool:
    """Tell whether a sequence counts as a numbered column does: up, one by one, to the end."""
    return sequence == Sequence(sequence.name, sequence.next_value)


def _named(match: re.Match[str]) -> str:
    parts = _WORD.findall(match["name"].replace("''", "'"))
    return unquoted(parts[-1]) if parts else ""


def _constraints(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, list[tuple[Any, ...]]]:
    sql = (
        "SELECT table_name, constraint_type, coalesce(constraint_name, ''), constraint_column_names, expression,"
        " referenced_table, referenced_column_names FROM duckdb_constraints()"
        " WHERE schema_name = ? AND database_name = current_database() ORDER BY table_oid, constraint_index"
    )
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for table, *constraint in connection.execute(sql, (schema,)).fetchall():
        found[table].append(tuple(constraint))
    return found


def _table(
    name: TableName, comment: str, rows: int, columns: list[Column], constraints: list[tuple[Any, ...]]
) -> Table:
    key = None
    indexes: list[Index] = []
    references: list[ForeignKey] = []
    checks: list[Check] = []
    for kind, label, members, expression, other, others in constraints:
        match kind:
            case "PRIMARY KEY":
                key = Key(tuple(members), label)
            case "UNIQUE":
                indexes.append(Index(label, tuple(map(IndexPart, members)), unique=True, constraint=True, method="art"))
            case "FOREIGN KEY":
                references.append(ForeignKey(label, tuple(members), TableName(other, name.schema), tuple(others)))
            case "CHECK":
                checks.append(Check(label, bare(expression)))
            case _:  # NOT NULL, which the columns tell
                continue
    size = sum(_TEXT_BYTES if column.native in ("VARCHAR", "BLOB", "JSON") else _FIXED_BYTES for column in columns)
    return Table(
        name,
        tuple(columns),
        key,
        tuple(indexes),
        tuple(references),
        tuple(checks),
        comment,
        Rows(rows),
        Bytes(rows * size),
    )


def _indexes(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, list[Index]]:
    sql = (
        "SELECT table_name, index_name, is_unique, sql FROM duckdb_indexes()"
        " WHERE schema_name = ? AND database_name = current_database() AND sql IS NOT NULL ORDER BY index_oid"
    )
    found: dict[str, list[Index]] = defaultdict(list)
    for table, name, unique, statement in connection.execute(sql, (schema,)).fetchall():
        parts = tuple(_index_part(part) for part in parse_index(statement).parts)
        found[table].append(Index(name, parts, bool(unique), method="art"))
    return found


def _index_part(text: str) -> IndexPart:
    tokens = tokenize(text)
    if len(tokens) == 1:
        return IndexPart(unquoted(tokens[0].text))
    return IndexPart(expression=text)


def _with_indexes(table: Table, indexes: list[Index]) -> Table:
    return replace(table, indexes=(*table.indexes, *indexes))


def _views(connection: duckdb.DuckDBPyConnection, schema: str) -> tuple[View, ...]:
    sql = (
        "SELECT view_name, sql FROM duckdb_views() WHERE schema_name = ? AND database_name = current_database()"
        " AND NOT internal ORDER BY view_oid"
    )
    return tuple(
        View(TableName(name, schema), _query(statement))
        for name, statement in connection.execute(sql, (schema,)).fetchall()
    )


def _query(statement: str) -> str:
    """Return the query of a CREATE VIEW statement, which gives its columns the view's own names."""
    tokens = tokenize(statement)
    start = next(token.end for token in tokens if token.word == "AS")
    query = statement[start:].strip().rstrip(";").rstrip()
    named = [token for token in tokens if token.start < start and token.word in ("(", ")")]
    if not named:
        return query
    return f"SELECT * FROM ({query}) AS named{statement[named[0].start : named[-1].end]}"


def _others(connection: duckdb.DuckDBPyConnection, schema: str) -> tuple[OtherObject, ...]:
    macros = connection.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE schema_name = ?"
        " AND database_name = current_database() AND NOT internal ORDER BY 1",
        (schema,),
    ).fetchall()
    named = connection.execute(
        "SELECT type_name FROM duckdb_types() WHERE schema_name = ? AND database_name = current_database()"
        " AND NOT internal ORDER BY type_oid",
        (schema,),
    ).fetchall()
    beside = connection.execute(
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal"
        " AND schema_name NOT IN (?, ?) ORDER BY oid",
        (DEFAULT_SCHEMA, LEDGER_SCHEMA),
    ).fetchall()
    return (
        *(OtherObject("FUNCTION", name) for (name,) in macros),
        *(OtherObject("TYPE", name) for (name,) in named),
        *_comments(connection, schema),
        *(OtherObject("OTHER SCHEMA", name) for (name,) in beside if schema == DEFAULT_SCHEMA),
    )


def _comments(connection: duckdb.DuckDBPyConnection, schema: str) -> tuple[OtherObject, ...]:
    """Describe the comments on what is no table and no column of one. Their statements leave the schema out."""
    sql = " UNION ALL ".join(
        f"SELECT '{kind}', [{names}], comment FROM {catalogue} WHERE schema_name = $1"
        " AND database_name = current_database() AND comment IS NOT NULL"
        for kind, names, catalogue in _COMMENTED
    )
    return tuple(
        OtherObject(
            "COMMENT",
            f"{kind.lower()} {'.'.join(names)}",
            f"COMMENT ON {kind} {'.'.join(map(quoted, names))} IS {literal(comment)}",
        )
        for kind, names, comment in connection.execute(sql, (schema,)).fetchall()
    )
