"""From the spelling of a logical type back to the type, for types that people write down."""

from __future__ import annotations

import re

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
    Text,
    Time,
    Timestamp,
    Uuid,
)
from domain.kernel.errors import ValidationFailed

_SPELLING = re.compile(
    r"(?P<word>[a-z]+(?: [a-z]+)?)\s*(?:\(\s*(?P<first>\d+)\s*(?:,\s*(?P<second>\d+)\s*)?\))?"
    r"\s*(?P<zone>with time zone)?"
)
_LABELLED = re.compile(r"(?P<word>enum|set)\((?P<labels>'(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*)\)", re.IGNORECASE)
_LABEL = re.compile(r"'((?:[^']|'')*)'")
_INTEGERS = (8, 16, 24, 32, 64, 128)
_FLOATS = (32, 64)
_FRACTION_MAX = 6

_PLAIN: dict[str, LogicalType] = {
    "boolean": Boolean(),
    "date": Date(),
    "interval": Interval(),
    "uuid": Uuid(),
    "json": Json(),
    "binary json": Json(binary=True),
    "geometry": Geometry(),
}


def parsed(text: str) -> LogicalType:
    """Return the type that a text spells, as `domain.catalog.spelling` writes it.

    Raises:
        ValidationFailed: it spells none.
    """
    labelled = _LABELLED.fullmatch(text.strip())
    if labelled:
        labels = tuple(label.replace("''", "'") for label in _LABEL.findall(labelled["labels"]))
        return Enumeration(labels) if labelled["word"].lower() == "enum" else LabelSet(labels)
    match = _SPELLING.fullmatch(text.strip().lower())
    found = _plain(match) if match else None
    if found is None:
        raise ValidationFailed(
            f"there is no type {text}; types are integer(64), unsigned integer(32), decimal(10,2), float(64), boolean, "
            "text, text(50), char(3), binary, date, time(6), timestamp(6), timestamp(6) with time zone, uuid, json, "
            "enum('a','b'), ..."
        )
    return found


def _plain(match: re.Match[str]) -> LogicalType | None:
    word = match["word"]
    first = int(match["first"]) if match["first"] else None
    second = int(match["second"]) if match["second"] else None
    if word in ("time", "timestamp", "duration"):
        return _moment(word, first, zoned=match["zone"] is not None) if second is None else None
    if match["zone"]:
        return None
    if word == "decimal":
        return Decimal(first, (second or 0) if first else None) if (second or 0) <= (first or 0) else None
    if second is not None:
        return None
    return _number(word, first) or _string(word, first)


def _moment(word: str, fraction: int | None, *, zoned: bool) -> LogicalType | None:
    digits = _FRACTION_MAX if fraction is None else fraction
    if digits > _FRACTION_MAX:
        return None
    if word == "duration":
        return None if zoned else Duration(digits)
    return Time(digits, zoned) if word == "time" else Timestamp(digits, zoned)


def _number(word: str, bits: int | None) -> LogicalType | None:
    if word in ("integer", "unsigned integer") and (bits is None or bits in _INTEGERS):
        return Integer(bits or 64, signed=word == "integer")
    if word == "float" and (bits is None or bits in _FLOATS):
        return Float(bits or 64)
    return None


def _string(word: str, length: int | None) -> LogicalType | None:
    match word:
        case "text" | "char":
            return Text(length, fixed=word == "char")
        case "binary" | "fixed binary":
            return Binary(length, fixed=word == "fixed binary")
        case "bits" | "varying bits":
            return Bits(length, varying=word == "varying bits")
        case _:
            return _PLAIN.get(word) if length is None else None
