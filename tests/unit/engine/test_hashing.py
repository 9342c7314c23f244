"""Two ends are compared by the cheapest hash that both know, or by way of what was carried between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from domain.catalog.model import TableName
from domain.catalog.types import Integer
from domain.connections.values import Engine
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.misfits import Treatment
from domain.migrations.plan import VerifyLevel
from domain.migrations.transfer import Batch, Capabilities, ColumnCopy, TableCopy, WireFormat, sums_nothing
from tests.support.memory import RowColumns
from workers.engine.hashing import BY_MD5, CarriedChunk, CarriedRows, Hashing, hashing_between
from workers.engine.verify import Sides, verify_table

MD5, CRC, LOOKUP3, POSTGRESQL = RowHash.MD5, RowHash.CRC, RowHash.LOOKUP3, RowHash.POSTGRESQL
CHAIN = Hashing(CRC, LOOKUP3)
COPY = TableCopy(0, TableName("film"), TableName("film"), (ColumnCopy("id", "id", Integer(64), "", ""),))


def passes(copy: TableCopy) -> bool:
    return copy.format is WireFormat.PG_BINARY


PASSING = Hashing(POSTGRESQL, POSTGRESQL, passes)
PASSED = replace(COPY, format=WireFormat.PG_BINARY)


def an_engine(
    *hashes: RowHash, sums_rows: bool = False, sums_passing: Callable[[TableCopy], bool] = sums_nothing
) -> Capabilities:
    return Capabilities(
        engine=Engine.SQLITE,
        emits=frozenset(),
        accepts=frozenset(),
        identifier_max=60,
        transactional_ddl=True,
        enforces_foreign_keys=True,
        inline_foreign_keys=False,
        writers_max=1,
        row_hashes=frozenset(hashes),
        sums_rows=sums_rows,
        sums_passing=sums_passing,
    )


@dataclass
class End:
    """An end whose table has a digest by each hash, and which notes by which it is asked."""

    totals: dict[RowHash, int]
    rows: int = 2
    answers_by: RowHash | None = None
    asked: list[RowHash] = field(default_factory=list)
    columns_asked: list[int] = field(default_factory=list)

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        del treatments
        return await self.quick_digest(MD5, table, columns)

    async def quick_digest(self, hash_: RowHash, _table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        self.asked.append(hash_)
        self.columns_asked.append(len(columns))
        by = self.answers_by or hash_
        return Digest(Rows(self.rows), self.totals[by], by)


def carried(crc: int, lookup3: int, rows: int = 2) -> CarriedRows:
    passed, found = CarriedChunk(), CarriedRows(CHAIN, [COPY.number])
    passed.add(Batch(rows, 0, RowColumns(()), sums=(crc, lookup3)))
    found.add(COPY, passed)
    return found


@pytest.mark.parametrize(
    ("source", "target", "hashing"),
    [
        (an_engine(POSTGRESQL, LOOKUP3), an_engine(POSTGRESQL, LOOKUP3), Hashing(POSTGRESQL, POSTGRESQL)),
        (an_engine(POSTGRESQL, sums_passing=passes), an_engine(POSTGRESQL), PASSING),
        (an_engine(CRC, LOOKUP3), an_engine(POSTGRESQL, LOOKUP3), Hashing(LOOKUP3, LOOKUP3)),
        (an_engine(CRC, sums_rows=True), an_engine(POSTGRESQL, LOOKUP3), CHAIN),
        (an_engine(POSTGRESQL, LOOKUP3, sums_rows=True), an_engine(CRC), Hashing(LOOKUP3, CRC)),
        (an_engine(CRC), an_engine(POSTGRESQL, LOOKUP3), BY_MD5),
        (an_engine(), an_engine(LOOKUP3), BY_MD5),
    ],
)
def test_the_cheapest_way_that_both_ends_can_go_is_chosen(
    source: Capabilities, target: Capabilities, hashing: Hashing
) -> None:
    assert hashing_between(source, target) == hashing


async def test_what_was_carried_as_it_is_at_both_ends_is_equal_and_nobody_is_asked_for_an_md5() -> None:
    source, target = End({CRC: 7, MD5: 1}), End({LOOKUP3: -9, MD5: 1})

    verdict = await verify_table(Sides(source, target, CHAIN, carried(7, -9)), COPY, VerifyLevel.DIGEST, None)

    assert verdict.equal
    assert (verdict.rows_source, verdict.rows_target) == (2, 2)
    assert (source.asked, target.asked) == ([CRC], [LOOKUP3])


@pytest.mark.parametrize(
    "known",
    [carried(8, -9), carried(7, -8), carried(7, -9, rows=3), CarriedRows(CHAIN, []), None],
    ids=["read wrongly", "written wrongly", "not whole", "of other tables", "nothing"],
)
@pytest.mark.parametrize(("md5", "difference"), [(1, ""), (2, "same number of rows, different values in id")])
async def test_what_was_carried_otherwise_is_decided_by_md5(
    known: CarriedRows | None, md5: int, difference: str
) -> None:
    source, target = End({CRC: 7, MD5: 1}), End({LOOKUP3: -9, MD5: md5})

    verdict = await verify_table(Sides(source, target, CHAIN, known), COPY, VerifyLevel.DIGEST, None)

    assert verdict.difference == difference


async def test_a_database_without_the_hash_is_compared_by_md5() -> None:
    source, target = End({MD5: 1}, answers_by=MD5), End({CRC: 7, LOOKUP3: -9, MD5: 1})

    for hashing in (CHAIN, Hashing(CRC, CRC)):
        sides = Sides(source, target, hashing, carried(7, -9))
        assert (await verify_table(sides, COPY, VerifyLevel.DIGEST, None)).equal


async def test_two_ends_with_other_numbers_of_rows_are_not_equal_however_they_were_compared() -> None:
    source, target = End({CRC: 7, MD5: 1}), End({LOOKUP3: -9, MD5: 1}, rows=3)

    verdict = await verify_table(Sides(source, target, CHAIN, carried(7, -9)), COPY, VerifyLevel.DIGEST, None)

    assert verdict.difference == "2 rows in the source, 3 in the target"


def test_a_chunk_with_a_batch_that_was_not_summed_counts_for_nothing() -> None:
    passed = CarriedChunk()
    passed.add(Batch(1, 0, RowColumns(()), sums=(1, 1)))
    passed.add(Batch(1, 0, RowColumns(())))
    passed.add(Batch(1, 0, RowColumns(()), sums=(1, 1)))

    assert passed.sums is None


def passed(total: int, rows: int = 2) -> CarriedRows:
    chunk, found = CarriedChunk(), CarriedRows(PASSING, [PASSED.number])
    chunk.add(Batch(rows, 0, b"", sums=(total,)))
    found.add(PASSED, chunk)
    return found


async def test_rows_that_were_added_up_as_they_passed_are_only_counted_by_their_source() -> None:
    source, target = End({MD5: 0}), End({POSTGRESQL: 7, MD5: 1})

    verdict = await verify_table(Sides(source, target, PASSING, passed(7)), PASSED, VerifyLevel.DIGEST, None)

    assert verdict.equal
    assert verdict.target == Digest(Rows(2), 7, POSTGRESQL)
    assert (source.asked, source.columns_asked, target.asked) == ([MD5], [0], [POSTGRESQL])


@pytest.mark.parametrize(
    "known",
    [passed(8), passed(7, rows=3), CarriedRows(PASSING, []), CarriedRows(PASSING, [PASSED.number]), None],
    ids=["written wrongly", "not whole", "of other tables", "not added up", "nothing"],
)
@pytest.mark.parametrize(("md5", "difference"), [(1, ""), (2, "same number of rows, different values in id")])
async def test_what_passed_otherwise_than_it_arrived_is_decided_by_md5(
    known: CarriedRows | None, md5: int, difference: str
) -> None:
    source, target = End({MD5: 1}), End({POSTGRESQL: 7, MD5: md5})

    verdict = await verify_table(Sides(source, target, PASSING, known), PASSED, VerifyLevel.DIGEST, None)

    assert verdict.difference == difference


async def test_rows_that_were_never_sent_are_missed() -> None:
    source, target = End({MD5: 1}, rows=3), End({POSTGRESQL: 7, MD5: 2})

    verdict = await verify_table(Sides(source, target, PASSING, passed(7)), PASSED, VerifyLevel.DIGEST, None)

    assert verdict.difference == "3 rows in the source, 2 in the target"


async def test_a_table_whose_rows_are_not_added_up_is_digested_at_both_ends() -> None:
    source, target = End({POSTGRESQL: 7}), End({POSTGRESQL: 7})

    assert (await verify_table(Sides(source, target, PASSING, passed(7)), COPY, VerifyLevel.DIGEST, None)).equal
    assert (source.asked, target.asked) == ([POSTGRESQL], [POSTGRESQL])


def test_a_source_is_asked_for_sums_of_the_rows_it_hands_on_and_of_no_others() -> None:
    rows = CarriedRows(PASSING, [PASSED.number])

    assert rows.summed(PASSED).sums == (POSTGRESQL,)
    assert rows.summed(COPY).sums == ()
    assert CarriedRows(PASSING, []).summed(PASSED).sums == ()
    assert PASSING.of_ends == Hashing(POSTGRESQL, POSTGRESQL)
