"""From the logical lattice to column declarations of MySQL and MariaDB."""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Date,
    Decimal,
    Duration,
    Enumeration,
    Float,
    Geometry,
    Integer,
    Interval,
    Json,
    LabelSet,
    LogicalType,
    Opaque,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from infra.connectors.mysql.capabilities import (
    BIT_MAX,
    DECIMAL_PRECISION_MAX,
    DECIMAL_SCALE_MAX,
    ENUM_LABEL_MAX,
    SET_LABELS_MAX,
    VARCHAR_MAX,
)
from infra.connectors.mysql.names import literal

LONG_TEXT = "LONGTEXT"
LONG_BYTES = "LONGBLOB"
_VARBINARY_MAX = 65_000
_INTEGERS = {8: "TINYINT", 16: "SMALLINT", 24: "MEDIUMINT", 32: "INT", 64: "BIGINT"}
_MARIADB_ONLY = {
    "uuid": "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin",
    "inet6": "VARCHAR(45) CHARACTER SET ascii",
    "inet4": "VARCHAR(15) CHARACTER SET ascii",
}
"""Types that MariaDB alone has, and what holds their texts in MySQL."""

_COLLATE = re.compile(r" COLLATE (?P<name>\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Declared:
    """A column type of MySQL, and what is different about it, if anything is."""

    native: str
    note: str = ""


def declare(type_: LogicalType) -> Declared:
    """Return the type that holds every value of a logical type exactly, or its text where none does."""
    return _number(type_) or _moment(type_) or _characters(type_) or _other(type_)


def is_exact(type_: LogicalType) -> bool:
    """Whether MySQL computes with such numbers as they are: a product has the digits of both factors."""
    match type_:
        case Integer(bits):
            return bits in _INTEGERS
        case Decimal(precision, scale):
            return precision is not None and 2 * precision <= DECIMAL_PRECISION_MAX and (scale or 0) >= 0
        case _:
            return False


def same_engine(native: str) -> str:
    """Return a native type of MySQL or MariaDB so that both understand it.

    Each knows collations that the other does not; in comments that only one of them reads, each
    gets its own or the nearest it has. `_nopad` and MySQL 8's `0900` tell trailing spaces apart.
    """
    if native.lower() in _MARIADB_ONLY:
        return f"/*M! {native} */ /*!80000 {_MARIADB_ONLY[native.lower()]} */"
    match = _COLLATE.search(native)
    if match is None:
        return native
    name = match["name"]
    return native[: match.start()] + _collation(name) + native[match.end() :]


def _collation(name: str) -> str:
    exact_case = name.endswith(("_bin", "_cs"))
    if "_0900_" in name:
        theirs = "utf8mb4_nopad_bin" if exact_case else "utf8mb4_unicode_520_nopad_ci"
        return f" /*!80000 COLLATE {name} */ /*M! COLLATE {theirs} */"
    if "_nopad_" not in name and "_uca1400_" not in name:
        return f" COLLATE {name}"
    if name.startswith("utf8mb4"):
        theirs = "utf8mb4_0900_bin" if exact_case else "utf8mb4_0900_ai_ci"
    else:
        theirs = name.replace("_nopad", "").replace("uca1400_ai_ci", "general_ci")
    return f" /*M! COLLATE {name} */ /*!80000 COLLATE {theirs} */"


def _number(type_: LogicalType) -> Declared | None:
    match type_:
        case Integer(bits, signed) if bits in _INTEGERS:
            return Declared(_INTEGERS[bits] if signed else f"{_INTEGERS[bits]} UNSIGNED")
        case Integer():
            return Declared("DECIMAL(39,0)")
        case Decimal():
            return _decimal(type_)
        case Float(32):
            return Declared("FLOAT")
        case Float():
            return Declared("DOUBLE")
        case Boolean():
            return Declared("TINYINT(1)")
        case Bits(length, varying) if length is not None and length <= BIT_MAX and not varying:
            return Declared(f"BIT({length})")
        case Bits(length) if length is not None and length <= VARCHAR_MAX:
            return Declared(f"VARCHAR({length})", "bits kept as digits")
        case _:
            return None


def _decimal(type_: Decimal) -> Declared:
    if type_.precision is None:
        return Declared(LONG_TEXT, "kept as text, since MySQL has no decimals without bounds")
    scale = type_.scale or 0
    precision = max(type_.precision - min(scale, 0), scale)
    if precision <= DECIMAL_PRECISION_MAX and scale <= DECIMAL_SCALE_MAX:
        return Declared(f"DECIMAL({precision},{max(scale, 0)})")
    return Declared(LONG_TEXT, f"kept as text, since MySQL's decimals end at {DECIMAL_PRECISION_MAX} digits")


def _moment(type_: LogicalType) -> Declared | None:
    match type_:
        case Date():
            return Declared("DATE")
        case Time(zoned=True):
            return Declared("VARCHAR(24)", "kept as text, since MySQL has no times with a zone")
        case Time() | Duration():
            return Declared("TIME(6)")
        case Timestamp(zoned=True):
            return Declared("DATETIME(6)", "the instant in UTC; MySQL's TIMESTAMP ends in 2038")
        case Timestamp():
            return Declared("DATETIME(6)")
        case Interval():
            return Declared("VARCHAR(64)", "kept as ISO 8601 text")
        case _:
            return None


def _characters(type_: LogicalType) -> Declared | None:
    match type_:
        case Text(length) if length is not None and 0 < length <= VARCHAR_MAX:
            return Declared(f"VARCHAR({length})")
        case Text():
            return Declared(LONG_TEXT)
        case Binary(length) if length is not None and 0 < length <= _VARBINARY_MAX:
            return Declared(f"VARBINARY({length})")
        case Binary():
            return Declared(LONG_BYTES)
        case _:
            return None


def _other(type_: LogicalType) -> Declared:
    match type_:
        case Geometry():
            return Declared(LONG_BYTES, "kept as bytes: SRID and WKB")
        case Uuid():
            return Declared("CHAR(36) CHARACTER SET ascii COLLATE ascii_bin")
        case Json():
            return Declared("JSON")
        case Enumeration(labels):
            return _labels("ENUM", labels) or Declared(LONG_TEXT, "kept as text, since ENUM cannot hold its labels")
        case LabelSet(labels):
            is_set = len(labels) <= SET_LABELS_MAX and not any("," in label or not label for label in labels)
            declared = _labels("SET", labels) if is_set else None
            return declared or Declared(LONG_TEXT, "kept as text, since SET cannot hold its labels")
        case Opaque(declaration):
            return Declared(LONG_TEXT, f"{declaration} kept as text")
        case _:
            return Declared(LONG_TEXT, "kept as text")


def _labels(name: str, labels: tuple[str, ...]) -> Declared | None:
    """Spell an ENUM or SET, or nothing where it would change a label (it cuts spaces at the end)."""
    fits = all(len(label) <= ENUM_LABEL_MAX and not label.endswith(" ") for label in labels)
    if not labels or not fits:
        return None
    return Declared(f"{name}({','.join(literal(label) for label in labels)})")
