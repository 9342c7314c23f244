"""Triggers, routines, events and partitions: the statements that make them, as the server tells them.

The account that an object was made by is left out, since it need not exist elsewhere: whoever
makes the object anew becomes its definer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.catalog.model import OtherObject
from domain.kernel.errors import DatabaseError, ErrorCode
from infra.connectors.mysql.names import quoted

if TYPE_CHECKING:
    from infra.connectors.mysql.session import Control

_TRIGGERS = """
    SELECT trigger_name, action_timing, event_manipulation, event_object_table, action_statement, sql_mode
    FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    ORDER BY event_object_table, event_manipulation, action_timing, action_order
"""
_ROUTINES = """
    SELECT routine_type, routine_name, sql_mode FROM information_schema.routines
    WHERE routine_schema = DATABASE() ORDER BY routine_type, routine_name
"""
_EVENTS = (
    "SELECT event_name, sql_mode FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY event_name"
)
_PARTITIONED = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND create_options LIKE '%partitioned%' ORDER BY table_name
"""
_DEFINER = re.compile(r"\s+DEFINER\s*=\s*(?:`(?:[^`]|``)*`|\w+)(?:@(?:`(?:[^`]|``)*`|\S+))?", re.IGNORECASE)
_PARTITIONING = re.compile(r"(?:/\*!\d+ )?\s*(PARTITION BY .*?)(?:\s*\*/)?\s*", re.DOTALL)
_OTHER_GRAMMARS = frozenset({"ANSI_QUOTES", "PIPES_AS_CONCAT", "NO_BACKSLASH_ESCAPES", "ORACLE", "IGNORE_SPACE"})
"""Modes of the server under which the same words mean something else."""

_STATEMENT_PLACES = {"PROCEDURE": 2, "FUNCTION": 2, "EVENT": 3, "TABLE": 1}
"""Where SHOW CREATE tells the statement, by what it shows."""

EVENT_OFF = re.compile(r"\bENABLE\b(?=\s+(?:COMMENT|DO)\b)")
"""The word of a CREATE EVENT that lets it run."""


async def read_code(control: Control) -> tuple[OtherObject, ...]:
    """Describe all triggers, routines, events and ways of partitioning of the session's database.

    Raises:
        DatabaseError: the server refused or failed.
    """
    doing = "reading triggers and routines"
    found: list[OtherObject] = []
    for kind, name, mode in await control.rows(_ROUTINES, doing=doing):
        found.append(OtherObject(kind, name, _readable(await _shown(control, kind, name), mode), _under(mode)))
    for name, timing, event, table, body, mode in await control.rows(_TRIGGERS, doing=doing):
        sql = f"CREATE TRIGGER {quoted(name)} {timing} {event} ON {quoted(table)} FOR EACH ROW {body}"
        found.append(OtherObject("TRIGGER", name, _readable(sql if body else "", mode), _under(mode)))
    for name, mode in await control.rows(_EVENTS, doing=doing):
        definition = _readable(await _shown(control, "EVENT", name), mode)
        found.append(OtherObject("EVENT", name, definition, _under(mode)))
    for (name,) in await control.rows(_PARTITIONED, doing=doing):
        found.append(OtherObject("PARTITIONING", name, partitioning(await _shown(control, "TABLE", name))))
    return tuple(found)


def _under(mode: str) -> str:
    """Spell the mode that code was made in: it runs in that one, whoever calls it."""
    words = ("ALLOW_INVALID_DATES" if word == "INVALID_DATES" else word for word in mode.split(","))
    return f"sql_mode = '{','.join(words)}'"


def partitioning(create_table: str) -> str:
    """Return the PARTITION BY clause at the end of a CREATE TABLE, or nothing."""
    end = create_table.rfind("\n)")
    match = _PARTITIONING.search(create_table, max(0, end))
    if match is None:
        return ""
    clause = create_table[match.start(1) :].rstrip()
    return clause.removesuffix("*/").rstrip()


async def _shown(control: Control, kind: str, name: str) -> str:
    """Return the statement that makes an object, or nothing where this user may not see it."""
    try:
        rows = await control.rows(f"SHOW CREATE {kind} {quoted(name)}", doing=f"reading {kind.lower()} {name}")
    except DatabaseError as error:
        if error.code is ErrorCode.PRIVILEGE_MISSING:
            return ""
        raise
    return str(rows[0][_STATEMENT_PLACES[kind]] or "") if rows else ""


def _readable(sql: str, mode: str) -> str:
    """Return a statement without its definer, or nothing if its server read it by another grammar than ours."""
    return "" if _OTHER_GRAMMARS & set(mode.upper().split(",")) else _DEFINER.sub("", sql, count=1)
