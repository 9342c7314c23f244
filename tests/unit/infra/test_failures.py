"""What drivers report has a code of ours by which a run pauses or ends."""

from __future__ import annotations

import asyncpg
import pytest
from pymysql import err

from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode
from domain.migrations.pausing import REMEDIES
from infra.connectors.mysql.errors import INTERRUPTED, LOST, translated
from infra.connectors.postgresql import failures

FROM_POSTGRESQL = {
    "08006": ErrorCode.HOST_UNREACHABLE,
    "25006": ErrorCode.TARGET_READ_ONLY,
    "40001": ErrorCode.DATABASE_BUSY,
    "40P01": ErrorCode.DATABASE_BUSY,
    "42501": ErrorCode.PRIVILEGE_MISSING,
    "53100": ErrorCode.TARGET_DISK_FULL,
    "53200": ErrorCode.DATABASE_BUSY,
    "53300": ErrorCode.DATABASE_BUSY,
    "55P03": ErrorCode.DATABASE_BUSY,
    "57014": ErrorCode.DATABASE_BUSY,
    "57P01": ErrorCode.HOST_UNREACHABLE,
    "57P03": ErrorCode.DATABASE_BUSY,
    "XX000": ErrorCode.DATABASE_FAILED,
}
FROM_MYSQL = {
    (3, 'Error writing file (Errcode: 28 "No space left on device")'): ErrorCode.TARGET_DISK_FULL,
    (1021, "Disk full"): ErrorCode.TARGET_DISK_FULL,
    (1030, 'Got error 28 "No space left on device" from storage engine InnoDB'): ErrorCode.TARGET_DISK_FULL,
    (1030, "Got error 128 from storage engine"): ErrorCode.DATABASE_FAILED,
    (1114, "The table is full"): ErrorCode.TARGET_DISK_FULL,
    (1142, "INSERT command denied"): ErrorCode.PRIVILEGE_MISSING,
    (1205, "Lock wait timeout exceeded"): ErrorCode.DATABASE_BUSY,
    (1290, "The server is running with the --read-only option"): ErrorCode.TARGET_READ_ONLY,
    (1290, "The server is running with the --secure-file-priv option"): ErrorCode.DATABASE_FAILED,
    (2013, "Lost connection to server during query"): ErrorCode.HOST_UNREACHABLE,
}


@pytest.mark.parametrize("state", FROM_POSTGRESQL)
def test_a_state_of_postgresql_has_a_code(state: str) -> None:
    error = asyncpg.PostgresError.new({"C": state, "M": "no"})

    assert failures.write_error(error, "writing").code is FROM_POSTGRESQL[state]


@pytest.mark.parametrize(("number", "text"), FROM_MYSQL)
def test_an_error_of_mysql_has_a_code(number: int, text: str) -> None:
    assert translated(err.OperationalError(number, text), "writing").code is FROM_MYSQL[number, text]


@pytest.mark.parametrize(
    "error",
    [
        DatabaseError("it may pass", transient=True),
        ConnectFailed("it may pass", transient=True),
        failures.database_error(ConnectionResetError(), "asking"),
        *(translated(err.OperationalError(number, "no"), "asking") for number in sorted(LOST | INTERRUPTED)),
    ],
    ids=lambda error: error.message,
)
def test_a_run_pauses_when_what_may_pass_by_itself_has_outlasted_it(error: DatabaseError) -> None:
    assert error.transient
    assert error.code in REMEDIES
