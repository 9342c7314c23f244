"""Every logical type with a strategy for its values, and values of it in great number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
from domain.migrations.canonical import Carried
from tests.support.awkward import point
from tests.support.strategies import decimals, interval, moments, scaled, texts, values
from tests.support.uniform import uniform

NIGHTLY_EXAMPLES = 10_000
VALUES_USUAL = 500
VALUES_NIGHTLY = 10_000
_AT_ONCE = 10
"""How many values hypothesis makes in one example; it would not make hundreds."""

_LABELS = ("low", "middle", "it's high", "é", "")
_SET = ("read", "write", "own")


@dataclass(frozen=True)
class Kind:
    """A type and a strategy for its values; `everywhere` says that every engine keeps each of them."""

    name: str
    type: LogicalType
    values: st.SearchStrategy[Carried]
    everywhere: bool = True


def _of(name: str, type_: LogicalType) -> Kind:
    return Kind(name, type_, values(type_))


def _whole(bits: int) -> st.SearchStrategy[Carried]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1).map(str)


def _long_decimals() -> st.SearchStrategy[Carried]:
    """Decimals of up to 90 digits, some with places, and the three that are no numbers."""
    numbers = st.builds(scaled, st.integers(-(10**90), 10**90), st.integers(0, 45))
    return st.one_of(numbers, numbers, numbers, st.sampled_from(("NaN", "0", "0.000")))


def _days() -> st.SearchStrategy[Carried]:
    """Days of the calendar, now and then one before Christ, after the year 9999 or at no end of time."""
    usual = st.dates().map(lambda day: day.isoformat())
    early = st.builds(lambda year: f"{year:04d}-03-15 BC", st.integers(1, 4000))
    late = st.builds(lambda year: f"{year:04d}-12-31", st.integers(10_000, 200_000))
    return st.one_of(usual, usual, usual, early, late, st.sampled_from(("infinity", "-infinity")))


def _any_moments(*, zoned: bool) -> st.SearchStrategy[Carried]:
    usual = moments(zoned=False)
    return st.one_of(usual, moments(zoned=zoned), usual, st.sampled_from(("infinity", "-infinity")))


def _fraction(moment: str, digits: int) -> str:
    return moment[: len(moment) - 6 + digits].ljust(len(moment), "0")


def _durations() -> st.SearchStrategy[Carried]:
    return st.builds(_duration, st.integers(-(839 * 3_600_000_000 - 1_000_000), 839 * 3_600_000_000 - 1_000_000))


def _duration(microseconds: int) -> str:
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:06d}"
    return f"-{text}" if microseconds < 0 else text


def _intervals() -> st.SearchStrategy[Carried]:
    size = 10**13
    return st.builds(interval, st.integers(-5000, 5000), st.integers(-40_000, 40_000), st.integers(-size, size))


def _documents() -> st.SearchStrategy[Carried]:
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts(10)
    trees = st.recursive(
        leaves | st.just("\0"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(5), inner, max_size=3),
        max_leaves=6,
    )
    return st.builds(lambda tree, ascii_: json.dumps(tree, ensure_ascii=ascii_ or _has_nul(tree)), trees, st.booleans())


def _has_nul(tree: object) -> bool:
    return "\\u0000" in json.dumps(tree)


def _any_texts() -> st.SearchStrategy[Carried]:
    any_one = st.text(st.characters(codec="utf-8"), max_size=60)
    return st.one_of(texts(200), any_one, st.builds(lambda a, b: f"{a}\0{b}", texts(5), texts(5)))


KINDS: tuple[Kind, ...] = (
    *(_of(f"int{bits}", Integer(bits)) for bits in (8, 16, 24, 32, 64)),
    *(_of(f"uint{bits}", Integer(bits, signed=False)) for bits in (8, 16, 24, 32, 64)),
    Kind("int128", Integer(128), _whole(128)),
    *(_of(f"decimal_{p}_{s}", Decimal(p, s)) for p, s in ((5, 0), (10, 2), (18, 6), (38, 20))),
    Kind("decimal_65_30", Decimal(65, 30), decimals(Decimal(65, 30))),
    Kind("decimal", Decimal(), _long_decimals(), everywhere=False),
    Kind("float", Float(32), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    _of("double", Float(64)),
    Kind("any_double", Float(64), st.floats(), everywhere=False),
    _of("boolean", Boolean()),
    _of("text", Text()),
    _of("varchar", Text(40)),
    Kind("any_text", Text(), _any_texts(), everywhere=False),
    _of("blob", Binary()),
    Kind("varbinary", Binary(20), st.binary(max_size=20)),
    Kind("binary", Binary(4, fixed=True), st.binary(min_size=4, max_size=4)),
    _of("date", Date()),
    Kind("any_date", Date(), _days(), everywhere=False),
    _of("time", Time()),
    _of("timestamp", Timestamp()),
    Kind("timestamp_0", Timestamp(0), moments(zoned=False).map(lambda moment: _fraction(moment, 0))),
    Kind("timestamp_3", Timestamp(3), moments(zoned=False).map(lambda moment: _fraction(moment, 3))),
    _of("instant", Timestamp(zoned=True)),
    Kind("any_timestamp", Timestamp(), _any_moments(zoned=False), everywhere=False),
    Kind("any_instant", Timestamp(zoned=True), _any_moments(zoned=True), everywhere=False),
    Kind("duration", Duration(), _durations()),
    Kind("interval", Interval(), _intervals()),
    _of("uuid", Uuid()),
    Kind("json", Json(), _documents(), everywhere=False),
    Kind("enumeration", Enumeration(_LABELS[:-1], "level"), st.sampled_from(_LABELS[:-1])),
    Kind(
        "label_set", LabelSet(_SET), st.sets(st.sampled_from(_SET)).map(lambda s: ",".join(x for x in _SET if x in s))
    ),
    Kind("bits", Bits(12), st.integers(0, 4095).map(lambda number: f"{number:012b}")),
    Kind("bits_varying", Bits(20, varying=True), st.text("01", min_size=1, max_size=20)),
    Kind(
        "geometry",
        Geometry(),
        st.builds(
            point,
            st.sampled_from((0, 4326)),
            st.floats(-180, 180, allow_subnormal=False),
            st.floats(-90, 90, allow_subnormal=False),
        ),
    ),
    Kind("inet", Opaque("inet"), st.ip_addresses(v=4).map(str)),
)
"""Every logical type; where an engine may refuse values of it, twice."""


def is_nightly() -> bool:
    """Whether `--hypothesis-profile=nightly` asks for as many values as a night allows."""
    return settings().max_examples >= NIGHTLY_EXAMPLES


@cache
def many(kind: Kind) -> tuple[Carried, ...]:
    """Return hundreds of values of a type, thousands at night; the same ones each time but at night.

    Half of them are drawn evenly, as hypothesis loves edges and repeats itself; the others are its own.
    """
    count = VALUES_NIGHTLY if is_nightly() else VALUES_USUAL
    random = Random() if is_nightly() else Random(kind.name)
    evenly = [value for _ in range(count // 2) if (value := uniform(kind.type, random)) is not None]
    return (*evenly, *_drawn(kind, count - len(evenly)))


def _drawn(kind: Kind, count: int) -> tuple[Carried, ...]:
    """Return values of hypothesis's choice."""
    found: list[Carried] = []

    @settings(
        max_examples=count // _AT_ONCE,
        derandomize=not is_nightly(),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(kind.values, min_size=_AT_ONCE, max_size=_AT_ONCE))
    def collect(drawn: list[Carried]) -> None:
        found.extend(drawn)

    collect()
    return tuple(found[:count])
