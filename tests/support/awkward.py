"""Values that copying tools get wrong, per logical type, in the form in which they cross."""

from __future__ import annotations

import struct
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
from domain.connections.values import Engine
from domain.migrations.canonical import Carried

MYSQL, POSTGRESQL, SQLITE, DUCKDB = Engine.MYSQL, Engine.POSTGRESQL, Engine.SQLITE, Engine.DUCKDB


@dataclass(frozen=True)
class Awkward:
    """A type, values that every engine must keep, and values that some must refuse instead of changing them."""

    name: str
    type: LogicalType
    values: tuple[Carried, ...]
    refused: tuple[tuple[Carried, frozenset[Engine]], ...] = ()

    def kept_by(self, engine: Engine) -> tuple[Carried, ...]:
        """The values that an engine must give back as they were."""
        return self.values + tuple(value for value, engines in self.refused if engine not in engines)

    def refused_by(self, engine: Engine) -> tuple[Carried, ...]:
        """The values for which an engine has no exact place in a column made for the type."""
        return tuple(value for value, engines in self.refused if engine in engines)


def _integers(bits: int, *, signed: bool = True) -> tuple[int, ...]:
    if signed:
        return (-(2 ** (bits - 1)), -1, 0, 1, 2 ** (bits - 1) - 1)
    return (0, 1, 2 ** (bits - 1), 2**bits - 1)


def point(srid: int, x: float, y: float) -> bytes:
    """A point as it crosses: the SRID, then WKB, both little-endian."""
    return struct.pack("<I", srid) + struct.pack("<BIdd", 1, 1, x, y)


_TEXTS = (
    *("", " ", "trailing ", "\tTab", "line\nline\r\nline", "quote ' double \" back \\ tick `", "\\N", "NULL", "null"),
    *(
        "\\",
        "\\\\",
        "é",
        "e\u0301",
        "Straße",
        "ﬃ",
        "שלום",
        "日本語",
        "😀👩‍👩‍👧",
        "\u00a0",
        "\ufeff",
        "\u2028",
        "\x01\x1f\x7f",
    ),
    *(
        "%s %d {} $1 ?",
        "-- ; DROP TABLE x",
        "007",
        "1e5",
        " 12 ",
        "0x10",
        "inf",
        "nan",
        "true",
        "2024-01-01",
        "x" * 70_000,
    ),
)

AWKWARD: tuple[Awkward, ...] = (
    *(Awkward(f"int{bits}", Integer(bits), _integers(bits)) for bits in (8, 16, 24, 32, 64)),
    *(
        Awkward(f"uint{bits}", Integer(bits, signed=False), _integers(bits, signed=False))
        for bits in (8, 16, 24, 32, 64)
    ),
    Awkward("int128", Integer(128), tuple(map(str, _integers(128)))),
    Awkward("decimal_10_2", Decimal(10, 2), ("0.00", "-0.01", "1.10", "99999999.99", "-99999999.99", "100.00")),
    Awkward("decimal_18_0", Decimal(18, 0), ("0", "-1", "999999999999999999", "-999999999999999999")),
    Awkward("decimal_5_5", Decimal(5, 5), ("0.00000", "0.99999", "-0.00001")),
    Awkward(
        "decimal_38_10",
        Decimal(38, 10),
        ("0.0000000000", "1234567890123456789012345678.0123456789", "-9999999999999999999999999999.9999999999"),
    ),
    Awkward(
        "decimal_65_30",
        Decimal(65, 30),
        ("9" * 35 + "." + "9" * 30, "-" + "1" * 35 + "." + "0" * 29 + "1", "0." + "0" * 30),
    ),
    Awkward("decimal", Decimal(), ("0", "1.0", "1.10", "-12345678901234567890.000000000000000000001", "1" + "0" * 60)),
    Awkward(
        "double",
        Float(64),
        (
            0.0,
            -0.0,
            1.1,
            -1.5,
            0.1 + 0.2,
            5e-324,
            2.2250738585072014e-308,
            1.7976931348623157e308,
            2.0**53,
            1e15,
            123456789.125,
        ),
        (
            (float("inf"), frozenset({MYSQL})),
            (float("-inf"), frozenset({MYSQL})),
            (float("nan"), frozenset({MYSQL, SQLITE})),
        ),
    ),
    Awkward(
        "float",
        Float(32),
        (0.0, 1.5, 16777216.0, 1.100000023841858, -3.4028234663852886e38, 1.401298464324817e-45),
    ),
    Awkward("boolean", Boolean(), (True, False)),
    Awkward("text", Text(), _TEXTS, (("nul\0inside", frozenset({POSTGRESQL})),)),
    Awkward("varchar_10", Text(10), ("", "é" * 10, "😀" * 10, " two ends ", "a" * 10)),
    Awkward("char_3", Text(3, fixed=True), ("abc", "éàü", "日本語")),
    Awkward("blob", Binary(), (b"", b"\0", bytes(range(256)), b"\\x41", b"\xff\xfe", b"abc", b"\0" * 70_000)),
    Awkward("varbinary_4", Binary(4), (b"", b"\0\0\0\0", b"\xff ", b"  ")),
    Awkward("binary_4", Binary(4, fixed=True), (b"\0\0\0\0", b"\xde\xad\xbe\xef", b"ab  ")),
    Awkward(
        "date",
        Date(),
        ("0001-01-01", "1582-10-10", "1900-02-28", "1970-01-01", "2000-02-29", "2024-12-31", "9999-12-31"),
        (("infinity", frozenset({MYSQL})), ("-infinity", frozenset({MYSQL}))),
    ),
    Awkward("time", Time(), ("00:00:00.000000", "12:34:56.000000", "23:59:59.999999", "01:02:03.100000")),
    Awkward(
        "timestamp",
        Timestamp(),
        (
            *("0001-01-01 00:00:00.000000", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000000"),
            *("2024-03-31 02:30:00.000000", "2024-02-29 12:00:00.100000", "2038-01-19 03:14:08.000000"),
            "9999-12-31 23:59:59.999999",
        ),
        (("infinity", frozenset({MYSQL})),),
    ),
    Awkward("timestamp_0", Timestamp(0), ("2024-02-29 12:00:00.000000", "1000-01-01 00:00:00.000000")),
    Awkward(
        "timestamptz",
        Timestamp(zoned=True),
        (
            "1970-01-01 00:00:01.000000",
            "2024-03-31 01:30:00.123456",
            "2024-10-27 00:30:00.000000",
            "2037-12-31 23:59:59.999999",
        ),
    ),
    Awkward(
        "duration",
        Duration(),
        ("00:00:00.000000", "-00:00:00.000001", "838:59:59.000000", "-838:59:59.000000", "26:00:00.500000"),
    ),
    Awkward(
        "interval", Interval(), ("PT0S", "P1Y2M3DT4H5M6.789S", "P1M", "P30D", "PT-1H", "P-1Y-2M3DT-4H-5M-6.7S", "PT36H")
    ),
    Awkward("uuid", Uuid(), ("00000000-0000-0000-0000-000000000000", "6f1c3a52-8f0e-4b6f-9d2e-0a1b2c3d4e5f")),
    Awkward(
        "json",
        Json(),
        ('{"a": 1, "b": [true, null, "é"]}', "[]", "null", '"text"', "12345678901234567890", '{"a":1,"a":2}'),
    ),
    Awkward("enumeration", Enumeration(("low", "middle", "it's high", "é"), "level"), ("low", "it's high", "é")),
    Awkward("label_set", LabelSet(("read", "write", "own")), ("", "read", "read,write", "read,write,own")),
    Awkward("bits_1", Bits(1), ("0", "1")),
    Awkward("bits_12", Bits(12), ("000000000000", "111111111111", "100000000001")),
    Awkward("bits_varying", Bits(20, varying=True), ("", "1", "0101", "11111111111111111111")),
    Awkward("geometry", Geometry(), (point(0, 1.5, -2.5), point(4326, 0.0, 0.0))),
    Awkward("opaque", Opaque("inet"), ("10.1.2.3/8", "::1/128")),
)
"""Every logical type at least once. Shapes that only one engine knows carry that engine's own text."""
