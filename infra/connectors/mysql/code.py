"""Triggers, routines, events and partitions: the statements that make them, as the server tells them.

The account that an object was made by is left out, since it need not exist elsewhere: whoever
makes the object anew becomes its definer.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from domain.catalog.model import OtherObject
from domain.kernel.errors import DatabaseError, ErrorCode
from infra.connectors.mysql.names import literal, quoted

if TYPE_CHECKING:
    from infra.connectors.mysql.session import Control

_TRIGGERS = """
    SELECT trigger_name, action_timing, event_manipulation, event_object_table, action_statement, sql_mode,
           character_set_client, collation_connection
    FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    ORDER BY event_object_table, event_manipulation, action_timing, action_order
"""
_ROUTINES = """
    SELECT routine_type, routine_name, sql_mode, character_set_client, collation_connection
    FROM information_schema.routines
    WHERE routine_schema = DATABASE() ORDER BY routine_type, routine_name
"""
_EVENTS = """
    SELECT event_name, time_zone, sql_mode, character_set_client, collation_connection
    FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY event_name
"""
_PARTITIONED = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND create_options LIKE '%partitioned%' ORDER BY table_name
"""
_DEFINER = re.compile(r"\s+DEFINER\s*=\s*(?:`(?:[^`]|``)*`|\w+)(?:@(?:`(?:[^`]|``)*`|\S+))?", re.IGNORECASE)
_PARTITIONING = re.compile(r"(?:/\*!\d+ )?\s*(PARTITION BY (?!SYSTEM_TIME).*?)(?:\s*\*/)?\s*", re.DOTALL)
_OTHER_GRAMMARS = frozenset({"ANSI_QUOTES", "PIPES_AS_CONCAT", "NO_BACKSLASH_ESCAPES", "ORACLE", "IGNORE_SPACE"})
"""Modes of the server under which the same words mean something else."""

_UTF8 = frozenset({"utf8", "utf8mb3", "utf8mb4"})

_STATEMENT_PLACES = {"EVENT": 3, "TABLE": 1}
"""Where SHOW CREATE tells the statement of what is no routine; those of routines (packages too) are in the third."""

EVENT_OFF = re.compile(r"\bENABLE\b(?=\s+(?:COMMENT|DO)\b)")
"""The word of a CREATE EVENT that lets it run."""


async def read_code(control: Control) -> tuple[OtherObject, ...]:
    """Describe all triggers, routines, events and ways of partitioning of the session's database.

    Raises:
        DatabaseError: the server refused or failed.
    """
    doing = "reading triggers and routines"
    found: list[OtherObject] = []
    for kind, name, *under in await control.rows(_ROUTINES, doing=doing):
        found.append(_code(kind, name, await _shown(control, kind, name), under))
    for name, timing, event, table, body, *under in await control.rows(_TRIGGERS, doing=doing):
        sql = f"CREATE TRIGGER {quoted(name)} {timing} {event} ON {quoted(table)} FOR EACH ROW {body}"
        found.append(_code("TRIGGER", name, sql if body else "", under))
    for name, zone, *under in await control.rows(_EVENTS, doing=doing):
        event = _code("EVENT", name, await _shown(control, "EVENT", name), under)
        found.append(replace(event, settings=f"time_zone = {literal(zone)}, {event.settings}"))
    for (name,) in await control.rows(_PARTITIONED, doing=doing):
        found.append(OtherObject("PARTITIONING", name, partitioning(await _shown(control, "TABLE", name))))
    return tuple(found)


def _code(kind: str, name: str, sql: str, under: list[str]) -> OtherObject:
    """Describe code with the mode and the words that it was made in: it runs in these, whoever calls it."""
    mode, character_set, collation = under
    names = ("ALLOW_INVALID_DATES" if name == "INVALID_DATES" else name for name in mode.split(","))
    settings = f"sql_mode = '{','.join(names)}', {in_words(sql, character_set, collation)}"
    return OtherObject(kind, name, _readable(sql, mode), settings)


def in_words(sql: str, character_set: str, collation: str) -> str:
    """Spell what a session sets so that a statement's texts are compared as those of a session of its maker.

    We send it in UTF-8. If that is not what its maker's character set says of the same bytes, it says
    so itself; the server keeps the text, and its meaning hangs on the collation alone.
    """
    is_same = sql.isascii() or (character_set in _UTF8 and max(sql) <= "\uffff")
    client = f"character_set_client = {character_set}, " if is_same else ""
    return f"{client}collation_connection = {collation}"


def partitioning(create_table: str) -> str:
    """Return the PARTITION BY clause at the end of a CREATE TABLE; nothing without one, or if it parts versions."""
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
    return str(rows[0][_STATEMENT_PLACES.get(kind, 2)] or "") if rows else ""


def _readable(sql: str, mode: str) -> str:
    """Return a statement without its definer, or nothing if its server read it by another grammar than ours."""
    return "" if _OTHER_GRAMMARS & set(mode.upper().split(",")) else _DEFINER.sub("", sql, count=1)
