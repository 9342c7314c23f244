"""The questions to `information_schema`: a fixed number of them, however many tables there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.connectors.mysql.code import read_code

if TYPE_CHECKING:
    from domain.catalog.model import OtherObject, TableName
    from infra.connectors.mysql.session import Control, Row
    from infra.connectors.mysql.wire import BulkConnection

_OPTIONAL_COLUMNS = """
    SELECT UPPER(table_name), UPPER(column_name) FROM information_schema.columns
    WHERE table_schema = 'information_schema' AND (table_name, column_name) IN (
        ('CHECK_CONSTRAINTS', 'CHECK_CLAUSE'), ('CHECK_CONSTRAINTS', 'TABLE_NAME'),
        ('STATISTICS', 'EXPRESSION'), ('STATISTICS', 'IGNORED'), ('COLUMNS', 'SRS_ID'), ('VIEWS', 'ALGORITHM'))
"""
_TABLES = """
    SELECT table_name, table_type, engine, table_rows, data_length, auto_increment, table_comment, create_options
    FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name
"""
_COLUMNS = """
    SELECT table_name, column_name, column_type, is_nullable, column_default, extra, generation_expression,
           character_set_name, collation_name, column_comment, {srs_id}
    FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position
"""
_STATISTICS = """
    SELECT table_name, index_name, non_unique, column_name, sub_part, collation, index_type, {expression},
           index_comment, {ignored}
    FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index
"""
_FOREIGN_KEYS = """
    SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_schema, k.referenced_table_name,
           k.referenced_column_name, r.delete_rule, r.update_rule, DATABASE()
    FROM information_schema.key_column_usage k
    JOIN information_schema.referential_constraints r
      ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
     AND r.table_name = k.table_name
    WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
    ORDER BY k.table_name, k.constraint_name, k.ordinal_position
"""
_CHECKS_WITH_TABLE = """
    SELECT table_name, constraint_name, check_clause
    FROM information_schema.check_constraints WHERE constraint_schema = DATABASE()
    ORDER BY table_name, constraint_name
"""
_CHECKS_BY_CONSTRAINT = """
    SELECT t.table_name, c.constraint_name, c.check_clause
    FROM information_schema.check_constraints c
    JOIN information_schema.table_constraints t
      ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
     AND t.constraint_type = 'CHECK'
    WHERE c.constraint_schema = DATABASE() ORDER BY t.table_name, c.constraint_name
"""
_VIEWS = """
    SELECT table_name, view_definition, security_type, {algorithm}, check_option,
           character_set_client, collation_connection
    FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY table_name
"""


@dataclass(frozen=True)
class Catalogue:
    """Everything `information_schema` says about the session's database, as rows of the questions above."""

    version: str
    database: str
    tables: list[Row]
    columns: list[Row]
    statistics: list[Row]
    foreign_keys: list[Row]
    checks: list[Row]
    views: list[Row]
    others: tuple[OtherObject, ...]

    @property
    def is_mariadb(self) -> bool:
        """Whether the server is MariaDB."""
        return "mariadb" in self.version.lower()


async def read_catalogue(control: Control) -> Catalogue:
    """Ask all the questions.

    Raises:
        DatabaseError: the server refused or failed.
    """
    doing = "reading the catalogue"
    version, database = (await control.rows("SELECT VERSION(), DATABASE()", doing=doing))[0]
    known = await control.rows(_OPTIONAL_COLUMNS, doing=doing)
    if ("CHECK_CONSTRAINTS", "TABLE_NAME") in known:
        checks = await control.rows(_CHECKS_WITH_TABLE, doing=doing)
    elif ("CHECK_CONSTRAINTS", "CHECK_CLAUSE") in known:
        checks = await control.rows(_CHECKS_BY_CONSTRAINT, doing=doing)
    else:
        checks = []
    srs_id = "srs_id" if ("COLUMNS", "SRS_ID") in known else "NULL"
    expression = "expression" if ("STATISTICS", "EXPRESSION") in known else "NULL"
    ignored = "ignored" if ("STATISTICS", "IGNORED") in known else "'NO'"
    algorithm = "algorithm" if ("VIEWS", "ALGORITHM") in known else "'UNDEFINED'"
    return Catalogue(
        version=str(version),
        database=str(database),
        tables=await control.rows(_TABLES, doing=doing),
        columns=await control.rows(_COLUMNS.format(srs_id=srs_id), doing=doing),
        statistics=await control.rows(_STATISTICS.format(expression=expression, ignored=ignored), doing=doing),
        foreign_keys=await control.rows(_FOREIGN_KEYS, doing=doing),
        checks=checks,
        views=await control.rows(_VIEWS.format(algorithm=algorithm), doing=doing),
        others=await read_code(control),
    )


async def read_sequences(control: Control, names: list[str]) -> list[Row]:
    """Return name, next value, increment, lowest and highest value and cycling of MariaDB's sequences, at once."""
    if not names:
        return []
    sql = " UNION ALL ".join(
        "SELECT %s, next_not_cached_value, increment, minimum_value, maximum_value, cycle_option FROM "
        f"`{name.replace('`', '``')}`"
        for name in names
    )
    return await control.rows(sql, tuple(names), doing="reading sequences")


def row_estimate(connection: BulkConnection, table: TableName) -> int:
    """Return how many rows the server believes a table to have."""
    found = connection.fetch(
        "SELECT table_rows FROM information_schema.tables "
        "WHERE table_schema = COALESCE(NULLIF(%s, ''), DATABASE()) AND table_name = %s",
        (table.schema, table.name),
    )
    return int(found[0][0] or 0) if found else 0
