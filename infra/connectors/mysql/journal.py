"""Schema steps with an intent before and a note after, since MySQL commits around each of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pymysql import err

from domain.kernel.failpoints import failpoint
from infra.connectors.mysql import ledger
from infra.connectors.mysql.errors import is_lost, number_of, text_of
from infra.connectors.mysql.loading import check_ticket
from infra.connectors.mysql.session import USUAL_MODE
from infra.connectors.sql.text import unquoted
from infra.connectors.undoing import Made, made_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.migrations.rollback import UndoStep
    from domain.migrations.schema_plan import Step
    from domain.migrations.transfer import Ticket
    from infra.connectors.mysql.wire import BulkConnection

_ALREADY_THERE = frozenset({1007, 1022, 1050, 1060, 1061, 1068, 1304, 1359, 1826, 3822, 4127})
"""Table, column, index, key, constraint, trigger or sequence of that name exists."""

_NOT_THERE = frozenset({1008, 1051, 1091, 1146, 1305, 1360, 1553, 4091, 4092})
"""What is to be dropped is gone already; or an index is needed by another foreign key, which was there before."""

_CANNOT_CREATE = 1005
_DUPLICATE_NAME = "errno: 121"
"""How MariaDB says that a foreign key of that name exists."""


def run_step(connection: BulkConnection, step: Step, ticket: Ticket) -> None:
    """Run a step unless it is done, and note it, or all those that were joined in it.

    Raises:
        Fenced: the ticket is void.
        MySQLError: the statement failed; the intent is withdrawn.
    """
    connection.fetch("SET SESSION foreign_key_checks = 1")
    connection.fetch("START TRANSACTION")
    check_ticket(connection, ticket)
    numbers = [(ticket.run_id, number) for number in (step.number, *step.also)]
    noted = {args: found[0][0] for args in numbers if (found := connection.fetch(ledger.STEP, args))}
    if len(noted) == len(numbers) and all(noted.values()):
        connection.rollback()
        return
    intended = [args for args in numbers if args not in noted]
    undo = undoing(connection, step) if intended else ()
    made = step.object
    for place, args in enumerate(intended):
        said = json.dumps(undo if not place else ())
        connection.fetch(ledger.INTEND_STEP, (*args, made.kind.value, made.name, made.table, said))
    connection.commit()
    failpoint("journal.intended")
    try:
        _run(connection, step)
    except err.MySQLError as error:
        if intended or not _says_already_there(error):
            if not is_lost(error):
                for args in intended if step.also else numbers:
                    connection.fetch(ledger.FORGET_STEP, args)
            raise
    failpoint("journal.ran")
    for args in numbers:
        connection.fetch(ledger.FINISH_STEP, args)


def _run(connection: BulkConnection, step: Step) -> None:
    """Run a step's statement, in the session's usual mode or in the one that the step asks for."""
    if step.settings:
        connection.fetch(f"SET {step.settings}")
    try:
        connection.fetch(step.sql)
    except err.MySQLError as error:
        if step.settings and not is_lost(error):
            connection.fetch(USUAL_MODE)
        raise
    if step.settings:
        connection.fetch(USUAL_MODE)


def undoing(connection: BulkConnection, step: Step) -> tuple[str, ...]:
    """Return the statements that take a step back which is about to run, in the order they are to run in."""
    statements = [statement for made in reversed(made_by(step)) for statement in _drops(connection, made)]
    return tuple(statements)


def _drops(connection: BulkConnection, made: Made) -> Iterator[str]:
    if not made.altered:
        on = f" ON {made.table}" if made.kind == "INDEX" else ""
        yield f"DROP {made.kind} {made.name}{on}"
        return
    yield f"ALTER TABLE {made.table} DROP {made.kind} {made.name}".rstrip()
    if made.kind == "FOREIGN KEY":
        table, name = unquoted(made.table), unquoted(made.name)
        sql = (
            "SELECT 1 FROM information_schema.statistics "
            "WHERE table_schema = DATABASE() AND table_name = %s AND index_name = %s LIMIT 1"
        )
        if not connection.fetch(sql, (table, name)):
            # A foreign key without an index gets one of its own name, which outlives it.
            yield f"ALTER TABLE {made.table} DROP INDEX {made.name}"


def take_back(connection: BulkConnection, step: UndoStep, ticket: Ticket) -> None:
    """Run the statements that take a step back, and forget the step.

    Raises:
        Fenced: the ticket is void.
        MySQLError: an object cannot be dropped, for instance because another table refers to it.
    """
    connection.fetch("SET SESSION foreign_key_checks = 1")
    connection.fetch("START TRANSACTION")
    check_ticket(connection, ticket)
    noted = connection.fetch(ledger.STEP, (ticket.run_id, step.number))
    connection.commit()
    if not noted:
        return
    for statement in step.statements:
        try:
            connection.fetch(statement)
        except err.MySQLError as error:
            if number_of(error) not in _NOT_THERE:
                raise
        failpoint("undo.staged")
    connection.fetch(ledger.FORGET_STEP, (ticket.run_id, step.number))


def _says_already_there(error: err.MySQLError) -> bool:
    number = number_of(error)
    return number in _ALREADY_THERE or (number == _CANNOT_CREATE and _DUPLICATE_NAME in text_of(error))
