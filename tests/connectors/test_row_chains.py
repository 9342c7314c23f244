"""What a server's own functions make of rows of many columns is what the definition of the chained hash says."""

from __future__ import annotations

import random
from typing import cast

from domain.catalog.model import Table, TableName
from domain.catalog.types import Binary, Boolean, Date, Decimal, Integer, LogicalType, Text, Timestamp
from domain.migrations.canonical import CHAIN_KINDS_AT_ONCE, Carried
from domain.migrations.digests import QuickDigests, RowHash
from infra.connectors.native import has_native
from tests.connectors.lab import Lab, Row, a_column, digest_columns
from tests.support.hashes import digest_of

TYPES: tuple[LogicalType, ...] = 2 * (
    *(Integer(16), Integer(32), Integer(64), Boolean(), Date(), Decimal(10, 2), Decimal(38, 10), Decimal(6, 6)),
    *(Text(60), Text(), Timestamp(), Binary(4)),
)
VALUES: dict[type[LogicalType], tuple[Carried, ...]] = {
    Integer: (None, 0, 1, -1, 32_767, -32_768),
    Boolean: (None, True, False),
    Date: (None, "2000-01-01", "1999-12-31", "2024-02-29", "0001-01-01", "9999-12-31"),
    Text: (None, "", "0", "~", "a,b", "1:a", "é"),
    Timestamp: (None, "2021-02-03 04:05:06.000000", "1970-01-01 00:00:00.123456"),
    Binary: (None, b"\0\1\2\3", b"abcd"),
}
DECIMALS: dict[int, tuple[Carried, ...]] = {
    10: (None, "0.00", "0.01", "-0.01", "1.00", "10000.00", "-99999999.99", "1234.50"),
    38: (None, "0.0000000000", "0.0000000001", "-1.5000000000", "9999999999999999999999999999.9999999999"),
    6: (None, "0.000000", "0.000100", "-0.999999"),
}


def a_row(dice: random.Random) -> Row:
    return tuple(
        dice.choice(DECIMALS[type_.precision or 0] if isinstance(type_, Decimal) else VALUES[type(type_)])
        for type_ in TYPES
    )


async def test_a_row_of_many_columns_has_the_hash_that_is_defined(shared_lab: Lab) -> None:
    if RowHash.LOOKUP3 not in shared_lab.connector.capabilities.row_hashes or not has_native():
        return
    dice, count = random.Random(7), len(TYPES)
    assert count > CHAIN_KINDS_AT_ONCE
    table = Table(
        TableName("chained"),
        (
            a_column("id", Integer(32), nullable=False),
            *(a_column(f"c{number}", type_) for number, type_ in enumerate(TYPES)),
        ),
    )
    rows: list[Row] = [(number, *a_row(dice)) for number in range(300)]

    copy = await shared_lab.make(table, rows)

    async with shared_lab.target() as target:
        ends = cast("QuickDigests", target)
        found = await ends.quick_digest(RowHash.LOOKUP3, copy.target, digest_columns(copy))
    assert found == digest_of(RowHash.LOOKUP3, [Integer(32), *TYPES], rows)
