"""The C helper does what the Python code beside it does, for every value."""

from __future__ import annotations

import datetime as dt
import math
import shutil
import struct
from decimal import Decimal
from pathlib import Path
from sysconfig import get_path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.connectors.native import has_native

if not has_native() and (shutil.which("cc") is None or not Path(get_path("include"), "Python.h").exists()):
    pytest.skip("the C helper was not built here", allow_module_level=True)

from infra.connectors.native import _native

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)

numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=None, min_value=-(10**30), max_value=10**30).map(
        lambda value: format(value, "f")
    ),
    st.sampled_from(["NaN", "Infinity", "-Infinity", "0", "0.000", "-0.5", "10000", "0.0001", "99999999.9999"]),
    st.builds(
        lambda whole, part: f"{whole}.{part}",
        st.integers(-(10**40), 10**40).filter(bool),
        st.text("0123456789", min_size=1, max_size=40),
    ),
)
days = st.one_of(
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(["infinity", "-infinity", "0001-12-31 BC", "4713-02-29 BC", "20000-02-29", "0001-01-01"]),
)
moments = st.datetimes().map(lambda value: value.isoformat(" ", "microseconds"))


def batch(values: list[object], type_: pa.DataType) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, type_)], names=["c"])


def there_and_back(values: list[object], type_: pa.DataType, form: str, back: str | None = None) -> list[object]:
    sent = _native.copy_binary(batch(values, type_), form, [0])
    read = pa.record_batch(_native.CopyRows(back or form).take(HEADER + sent))
    found: list[object] = read.column(0).to_pylist()
    return found


def text(values: list[str | None], form: str) -> list[object]:
    return there_and_back(list(values), pa.large_string(), form)


@given(st.lists(st.none() | numbers))
def test_numbers_pass_through_binary_copy_with_all_their_places(values: list[str | None]) -> None:
    expected = [value and (value if value.lstrip("-").strip("0.") else value.lstrip("-")) for value in values]
    assert text(values, "n") == expected


@given(st.lists(st.none() | days))
def test_dates_pass_through_binary_copy(values: list[str | None]) -> None:
    assert text(values, "d") == values


@given(st.dates())
def test_a_date_is_counted_as_the_calendar_does(day: dt.date) -> None:
    sent = _native.copy_binary(batch([day.isoformat()], pa.large_string()), "d", [0])
    assert struct.unpack(">i", sent[-4:])[0] == (day - dt.date(2000, 1, 1)).days


@given(st.lists(st.none() | moments))
def test_timestamps_pass_through_binary_copy(values: list[str | None]) -> None:
    assert text(values, "s") == values


@given(st.lists(st.none() | st.times().map(lambda value: value.isoformat("microseconds"))))
def test_times_pass_through_binary_copy(values: list[str | None]) -> None:
    assert text(values, "m") == values


@given(st.lists(st.none() | st.uuids().map(str)))
def test_uuids_pass_through_binary_copy(values: list[str | None]) -> None:
    assert text(values, "u") == values


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_texts_pass_through_binary_copy(values: list[str | None]) -> None:
    assert text(values, "t") == values
    assert text(values, "j") == values


@given(st.lists(st.none() | st.binary()), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_bytes_and_integers_pass_through_binary_copy(values: list[bytes | None], integers: list[int | None]) -> None:
    assert there_and_back(list(values), pa.large_binary(), "y") == values
    assert there_and_back(list(integers), pa.int64(), "8") == integers
    assert there_and_back(list(integers), pa.int64(), "n") == [None if n is None else str(n) for n in integers]


@given(st.lists(st.none() | st.floats(allow_nan=False)), st.lists(st.none() | st.booleans()))
def test_floats_and_truth_values_pass_through_binary_copy(
    values: list[float | None], truths: list[bool | None]
) -> None:
    assert there_and_back(list(values), pa.float64(), "f") == values
    assert there_and_back(list(truths), pa.bool_(), "b") == truths


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("2023-02-29", "d"), ("0000-00-00", "d"), ("2024-00-10", "d"), ("24-1-1", "d"),
        ("2024-01-01 24:00:00.000000", "s"), ("2024-01-01 10:00:60", "s"), ("2024-01-01 10:00:00.0000001", "s"),
        ("25:00:00", "m"), ("1e5", "n"), ("", "n"), ("--1", "n"), ("a\0b", "t"), ("not a uuid", "u"), ("012", "B"),
    ],
)  # fmt: skip
def test_a_value_without_an_exact_place_is_refused_by_name(value: str, form: str) -> None:
    with pytest.raises(_native.Misfit) as caught:
        _native.copy_binary(batch([None, value], pa.large_string()), form, [0])
    assert caught.value.args[0] == 0


def test_a_number_too_large_for_its_column_is_refused() -> None:
    for value, form in ((2**15, "2"), (-(2**31) - 1, "4")):
        with pytest.raises(_native.Misfit, match="too large"):
            _native.copy_binary(batch([value], pa.int64()), form, [0])


def test_a_text_longer_than_its_column_is_refused_by_characters_not_bytes() -> None:
    assert _native.copy_binary(batch(["äöü"], pa.large_string()), "t", [3])
    with pytest.raises(_native.Misfit, match="longer"):
        _native.copy_binary(batch(["äöü "], pa.large_string()), "t", [3])


def packet(values: list[bytes | None]) -> bytes:
    payload = b""
    for value in values:
        size = len(value or b"")
        if value is None:
            payload += b"\xfb"
        elif size < 0xFB:
            payload += bytes([size]) + value
        else:
            payload += b"\xfc" + struct.pack("<H", size) + value
    return struct.pack("<I", len(payload)) + payload


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.integers(0, 2**64 - 1),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
            st.none() | st.binary(max_size=400),
            st.none() | moments,
        ),
        min_size=1,
    ),
    st.integers(1, 40),
)
def test_rows_of_mysql_arrive_as_they_were_sent_however_they_are_cut(rows: list[tuple[object, ...]], step: int) -> None:
    wire = b"".join(
        packet([None if v is None else v if isinstance(v, bytes) else str(v).encode() for v in row]) for row in rows
    )
    taker, held, at = _native.MysqlRows("iuftys"), b"", 0
    for start in range(0, len(wire), step):
        held = held[at:] + wire[start : start + step]
        at, is_final = taker.take(held, 0, 1000)
        assert not is_final
    assert taker.take(b"\x05\0\0\0\xfe\0\0\0\0", 0, 1) == (0, True)
    found = pa.record_batch(taker.batch())
    assert [tuple(found.column(place)[row].as_py() for place in range(6)) for row in range(len(rows))] == rows


def test_bytes_that_are_no_utf8_are_refused_as_text() -> None:
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abcdefgh\xe2\x82"):
        with pytest.raises(_native.Misfit, match="UTF-8"):
            _native.MysqlRows("t").take(packet([bad]) + b"\0", 0, 10)


@given(st.binary(max_size=300))
def test_bytes_of_a_server_out_of_its_mind_are_refused_or_waited_for(wire: bytes) -> None:
    taker = _native.MysqlRows("it")
    try:
        at, _ = taker.take(wire, 0, 100)
    except _native.Misfit:
        return
    assert 0 <= at <= len(wire)


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_for_load_data_read_back_the_same(values: list[float | None]) -> None:
    lines = _native.load_text(batch(list(values), pa.float64()), "-").decode().split("\n")[:-1]
    read = [None if line == "\\N" else float(line) for line in lines]
    assert read == values
    assert [math.copysign(1, v) for v in read if v is not None] == [
        math.copysign(1, v) for v in values if v is not None
    ]


@given(st.lists(st.none() | st.binary(), min_size=1))
def test_what_load_data_would_take_for_structure_is_escaped(values: list[bytes | None]) -> None:
    text_ = _native.load_text(batch(list(values), pa.large_binary()), "-")
    lines, held, marks = [], bytearray(), {b"0": b"\0", b"\\": b"\\", b"\t": b"\t", b"\n": b"\n", b"N": b""}
    at, is_null = 0, False
    while at < len(text_):
        sign = text_[at : at + 1]
        if sign == b"\\":
            at += 1
            is_null = text_[at : at + 1] == b"N"
            held += marks[text_[at : at + 1]]
        elif sign == b"\n":
            lines.append(None if is_null else bytes(held))
            held, is_null = bytearray(), False
        else:
            held += sign
        at += 1
    assert lines == values


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=4), st.integers(0, 3))
def test_a_part_of_a_batch_is_read_from_its_own_place(values: list[str | None], first: int) -> None:
    given_values: list[object] = list(values)
    whole = batch(given_values, pa.large_string())
    assert _native.load_text(whole.slice(first), "-") == _native.load_text(
        batch(given_values[first:], pa.large_string()), "-"
    )


@given(st.decimals(-(10**9), 10**9, places=4))
def test_a_number_counts_the_same_in_base_ten_thousand(value: Decimal) -> None:
    sent = _native.copy_binary(batch([str(value)], pa.large_string()), "n", [0])[6:]
    count, weight, sign, scale = struct.unpack(">hhHh", sent[:8])
    digits = struct.unpack(f">{count}h", sent[8:])
    total = sum(Decimal(digit) * Decimal(10000) ** (weight - place) for place, digit in enumerate(digits))
    assert (-total if sign == 0x4000 else total) == value
    assert scale == 4
