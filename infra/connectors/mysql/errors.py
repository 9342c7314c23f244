"""From MySQL's error numbers to our own error tree."""

from __future__ import annotations

import re
import ssl

from pymysql import err

from domain.kernel.errors import (
    ConnectFailed,
    DatabaseError,
    ErrorCode,
    ObjectMissing,
    SchemaDrift,
    ValueRejected,
)

_CODES: dict[ErrorCode, frozenset[int]] = {
    ErrorCode.HOST_UNREACHABLE: frozenset({2001, 2002, 2003, 2004, 2005}),
    ErrorCode.AUTHENTICATION_FAILED: frozenset({1045, 1130, 1251, 1524, 1698, 1820, 1862, 2059, 2061, 3118, 4151}),
    ErrorCode.TLS_UNAVAILABLE: frozenset({2026, 3159}),
    ErrorCode.DATABASE_NOT_FOUND: frozenset({1049}),
    ErrorCode.PRIVILEGE_MISSING: frozenset({1044, 1095, 1142, 1143, 1227, 1370, 1419}),
    ErrorCode.TABLE_NOT_FOUND: frozenset({1051, 1146}),
    ErrorCode.COLUMN_NOT_FOUND: frozenset({1054}),
    ErrorCode.SCHEMA_DRIFT: frozenset({1412}),
    ErrorCode.DATABASE_BUSY: frozenset({1040, 1129, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1614, 3572}),
    ErrorCode.TARGET_DISK_FULL: frozenset({1021, 1114}),
    ErrorCode.TARGET_READ_ONLY: frozenset({1036, 1792, 1836, 3636}),
    ErrorCode.VALUE_REJECTED: frozenset(
        {
            *(1048, 1062, 1169, 1264, 1265, 1292, 1364, 1365, 1366, 1367, 1369, 1406, 1411, 1416, 1426, 1451, 1452),
            *(1526, 1586, 1643, 1644, 1690, 1748, 1761, 1762, 1859, 3140, 3141, 3156, 3819, 4025),
        }
    ),
}
_BY_NUMBER = {number: code for code, numbers in _CODES.items() for number in numbers}

_BY_WORDS = (
    (re.compile(r"read[-_]only"), ErrorCode.TARGET_READ_ONLY),
    (re.compile(r"[Ee]rr(?:no|code|or):? 28\b|No space left"), ErrorCode.TARGET_DISK_FULL),
)
"""What errors mean that name an option of the server, or an error of its operating system."""

LOST = frozenset({0, 1053, 1077, 1079, 1080, 1927, 2006, 2013, 2055, 3169, 4031})
"""The session is gone: what it had begun is undone, but for a commit that was on its way."""

INTERRUPTED = frozenset({1317, 1028, 1969, 3024})
"""The statement was stopped; the session lives."""

_TRANSIENT = LOST | _CODES[ErrorCode.DATABASE_BUSY] | INTERRUPTED

_ADVICE = {
    1040: "wait, or raise max_connections",
    1129: "run FLUSH HOSTS on the server",
    1153: "raise max_allowed_packet",
    1290: "the server does not allow this in its present mode",
    1301: "raise max_allowed_packet",
    1819: "choose a stronger password",
    2013: "when this repeats, look for a full disk or an out-of-memory kill at the server",
}

_CONNECT_ADVICE = {
    ErrorCode.HOST_UNREACHABLE: "check host, port and firewall",
    ErrorCode.AUTHENTICATION_FAILED: "check user name and password, and from where this user may connect",
    ErrorCode.DATABASE_NOT_FOUND: "check the database's name",
    ErrorCode.PRIVILEGE_MISSING: "grant the user access to this database",
    ErrorCode.TLS_UNAVAILABLE: "check the server's certificate and its name, or choose another protection",
}


def number_of(error: BaseException) -> int:
    """Return MySQL's number of an error, or 0 if it has none (a session used after its end)."""
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def text_of(error: BaseException) -> str:
    """Return an error's message without its number."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)


def is_lost(error: BaseException) -> bool:
    """Whether the error means that the session is gone."""
    return isinstance(error, OSError) or (isinstance(error, err.MySQLError) and number_of(error) in LOST)


def translated(error: Exception, doing: str) -> DatabaseError:
    """Return an error of ours that says what was being done and what the server answered."""
    number = number_of(error)
    code = ErrorCode.HOST_UNREACHABLE if is_lost(error) else _BY_NUMBER.get(number) or _by_words(text_of(error))
    advice = f"; {_ADVICE[number]}" if number in _ADVICE else ""
    message = f"{doing}: {text_of(error)} (MySQL error {number}){advice}"
    if code in (ErrorCode.TABLE_NOT_FOUND, ErrorCode.COLUMN_NOT_FOUND):
        return ObjectMissing(message, code=code)
    if code is ErrorCode.SCHEMA_DRIFT:
        return SchemaDrift(message)
    if code is ErrorCode.VALUE_REJECTED:
        return ValueRejected(message)
    return DatabaseError(message, code=code, transient=number in _TRANSIENT or isinstance(error, OSError))


def _by_words(text: str) -> ErrorCode | None:
    """Return what an error means whose number says little, if its text does."""
    return next((code for words, code in _BY_WORDS if words.search(text)), None)


def connect_failure(error: Exception, label: str) -> ConnectFailed:
    """Return the reason why no session could be opened on the database called `label`."""
    if isinstance(error, ConnectFailed):
        return error
    root = error.__cause__ or getattr(error, "original_exception", None) or error
    number = number_of(error)
    code = _BY_NUMBER.get(number, ErrorCode.HOST_UNREACHABLE if isinstance(error, OSError) else None)
    if isinstance(root, ssl.SSLError):
        code = ErrorCode.TLS_UNAVAILABLE
    is_cut_off = number in LOST
    reason = f"{text_of(error)} ({root})" if root is error.__cause__ else text_of(error)
    advice = f"; {_CONNECT_ADVICE[code]}" if code in _CONNECT_ADVICE else ""
    return ConnectFailed(
        f"cannot connect to {label}: {reason}{advice}",
        code=code or (ErrorCode.HOST_UNREACHABLE if is_cut_off else ErrorCode.DATABASE_FAILED),
        transient=is_cut_off or code in (ErrorCode.HOST_UNREACHABLE, ErrorCode.DATABASE_BUSY),
    )
