"""Schema steps with an intent before and a note after, since MySQL commits around each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymysql import err

from domain.kernel.failpoints import failpoint
from infra.connectors.mysql import ledger
from infra.connectors.mysql.errors import is_lost, number_of, text_of
from infra.connectors.mysql.loading import check_ticket

if TYPE_CHECKING:
    from domain.migrations.schema_plan import Step
    from domain.migrations.transfer import Ticket
    from infra.connectors.mysql.wire import BulkConnection

_ALREADY_THERE = frozenset({1007, 1022, 1050, 1060, 1061, 1068, 1304, 1359, 1826, 3822, 4127})
"""Table, column, index, key, constraint, trigger or sequence of that name exists."""

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
    for args in intended:
        connection.fetch(ledger.INTEND_STEP, args)
    connection.commit()
    failpoint("journal.intended")
    try:
        connection.fetch(step.sql)
    except err.MySQLError as error:
        if intended or not _says_already_there(error):
            if not is_lost(error):
                for args in intended if step.also else numbers:
                    connection.fetch(ledger.FORGET_STEP, args)
            raise
    failpoint("journal.ran")
    for args in numbers:
        connection.fetch(ledger.FINISH_STEP, args)


def _says_already_there(error: err.MySQLError) -> bool:
    number = number_of(error)
    return number in _ALREADY_THERE or (number == _CANNOT_CREATE and _DUPLICATE_NAME in text_of(error))
