"""From native MySQL types to the logical lattice."""

from __future__ import annotations

import re
from dataclasses import dataclass

from domain.catalog.types import (
    Binary,
    Bits,
    Date,
    Decimal,
    Duration,
    Enumeration,
    Float,
    Geometry,
    Integer,
    Json,
    LabelSet,
    LogicalType,
    Opaque,
    Text,
    Timestamp,
    Uuid,
)

INTEGER_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "integer": 32, "bigint": 64}
DECIMAL_NAMES = frozenset({"decimal", "numeric", "dec", "fixed"})
FLOAT_BITS = {"float": 32, "double": 64, "real": 64}
CHARACTER_NAMES = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
LABEL_NAMES = frozenset({"enum", "set"})
BYTE_NAMES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
FRACTION_NAMES = frozenset({"datetime", "timestamp", "time"})
GEOMETRY_NAMES = frozenset(
    {
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        *("geometrycollection", "geomcollection"),
    }
)

UTF8_SUBSETS = frozenset({"", "utf8mb4", "utf8mb3", "utf8", "ascii"})
"""Character sets whose bytes are UTF-8 as they are; empty means the default, which ours is."""

_NATIVE = re.compile(
    r"(?P<name>\w+)\s*(?:\((?P<args>(?:'(?:[^'\\]|''|\\.)*'|[^')])*)\))?(?P<rest>.*)",
    re.DOTALL,
)
_CHARSET = re.compile(r"\bCHARACTER SET (\w+)", re.IGNORECASE)
_LABEL = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_LABEL_ESCAPE = re.compile(r"''|\\(.)", re.DOTALL)
_ESCAPED = {"0": "\0", "n": "\n", "r": "\r", "Z": "\x1a", "t": "\t", "b": "\b"}
_TINY_TEXT_BYTES = 255


@dataclass(frozen=True)
class Native:
    """A native type taken apart: `enum('a','b') CHARACTER SET latin1` and the like."""

    name: str
    args: str = ""
    charset: str = ""
    unsigned: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers in parentheses: length, or precision and scale, or digits of a fraction."""
        return tuple(int(part) for part in self.args.split(",")) if self.args else ()

    @property
    def length(self) -> int | None:
        """The first number in parentheses, if there is one."""
        return self.numbers[0] if self.args else None

    @property
    def fraction(self) -> int:
        """Digits of a second that a time type keeps."""
        return self.length or 0

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of an ENUM or SET."""
        return tuple(_LABEL_ESCAPE.sub(_unescaped, label) for label in _LABEL.findall(self.args))


def parse_native(native: str) -> Native:
    """Take a native type apart."""
    match = _NATIVE.match(native.strip())
    if match is None:
        return Native(native.strip().lower())
    rest = match["rest"]
    charset = _CHARSET.search(rest)
    is_unsigned = "unsigned" in rest.lower() or "zerofill" in rest.lower()
    return Native(match["name"].lower(), match["args"] or "", charset[1].lower() if charset else "", is_unsigned)


def logical_type(native: Native, *, is_json: bool = False) -> LogicalType:
    """Say what values of a native type mean. `is_json` tells MariaDB's JSON, a LONGTEXT with a check."""
    if is_json:
        return Json()
    return (
        _number(native)
        or _moment(native)
        or _characters(native)
        or _other(native)
        or Opaque(f"{native.name}({native.args})" if native.args else native.name)
    )


def _number(native: Native) -> LogicalType | None:
    if native.name in INTEGER_BITS:
        return Integer(INTEGER_BITS[native.name], signed=not native.unsigned)
    if native.name in DECIMAL_NAMES:
        precision, scale = (*native.numbers, 0)[:2] if native.args else (10, 0)
        return Decimal(precision, scale)
    if native.name in FLOAT_BITS:
        return Float(FLOAT_BITS[native.name])
    if native.name == "year":
        return Integer(16)
    if native.name == "bit":
        return Bits(native.length or 1)
    return None


def _moment(native: Native) -> LogicalType | None:
    match native.name:
        case "date":
            return Date()
        case "datetime":
            return Timestamp(native.fraction)
        case "timestamp":
            return Timestamp(native.fraction, zoned=True)
        case "time":
            return Duration(native.fraction)
        case _:
            return None


def _characters(native: Native) -> LogicalType | None:
    match native.name:
        case "char" | "varchar":
            return Text(native.length or 1, fixed=native.name == "char")
        case "tinytext":
            return Text(_TINY_TEXT_BYTES)
        case "text" | "mediumtext" | "longtext":
            return Text()
        case "binary" | "varbinary":
            return Binary(native.length or 1, fixed=native.name == "binary")
        case "tinyblob":
            return Binary(_TINY_TEXT_BYTES)
        case "blob" | "mediumblob" | "longblob":
            return Binary()
        case _:
            return None


def _other(native: Native) -> LogicalType | None:
    if native.name in GEOMETRY_NAMES:
        return Geometry()
    match native.name:
        case "enum":
            return Enumeration(native.labels)
        case "set":
            return LabelSet(native.labels)
        case "json":
            return Json(binary=True)
        case "uuid":
            return Uuid()
        case _:
            return None


def _unescaped(escape: re.Match[str]) -> str:
    return "'" if escape[1] is None else _ESCAPED.get(escape[1], escape[1])
