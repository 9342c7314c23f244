from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from domain.catalog.model import DatabaseSchema, Table
from domain.connections.values import Endpoint, Engine
from domain.kernel.values import Bytes
from domain.migrations.limits import Limit, NoNul
from domain.migrations.misfits import MisfitPolicy, MisfitRule, RejectLimit
from domain.migrations.plan import MigrationPlan, RunOptions
from domain.migrations.transfer import ColumnCopy
from tests.support.catalog import a_table
from tests.support.memory import MemoryConnector, MemoryDatabase, MemorySource
from workers.engine import examine
from workers.engine.ends import Route
from workers.engine.examine import Examiner
from workers.engine.plan import Basis

FILM = replace(a_table("film", "title"), size_bytes=Bytes(examine.UNSEEN_BYTES_MAX))
RULE = MisfitRule("text", MisfitPolicy.STRIP)


class _WithoutNul(MemoryConnector):
    """A target whose texts hold no NUL."""

    def limits(self, column: ColumnCopy) -> tuple[Limit, ...]:
        return (NoNul(),)


def may_stay_unseen(
    *tables: Table,
    options: RunOptions | None = None,
    reads_unseen: bool = True,
    refuses: frozenset[type[Limit]] = frozenset({NoNul}),
    existing: Mapping[object, Table] | None = None,
) -> bool:
    source, target = MemoryConnector(MemoryDatabase()), _WithoutNul(MemoryDatabase())
    source.capabilities = replace(source.capabilities, engine=Engine.MYSQL, reads_unseen=reads_unseen)
    target.capabilities = replace(target.capabilities, refuses_beyond=refuses)
    route = Route(source, Endpoint(Engine.MYSQL, path="a"), target, Endpoint(Engine.SQLITE, path="b"))

    def there(_plan: MigrationPlan) -> examine.Existing:
        return {table.name: table for table in existing.values()} if existing else {}

    examiner = Examiner(MemorySource(source.database, 1), route, options or RunOptions(), existing=there)
    basis = Basis(DatabaseSchema(Engine.MYSQL, "memory", tables or (FILM,)), {})
    return examiner.may_stay_unseen(basis, examiner.planned(basis))


def test_a_short_run_may_copy_before_it_has_looked() -> None:
    assert may_stay_unseen()


def test_a_long_run_looks_first() -> None:
    assert not may_stay_unseen(FILM, replace(a_table("actor", "name"), size_bytes=Bytes(1)))


@pytest.mark.parametrize("options", [RunOptions(on_misfit=(RULE,)), RunOptions(reject_limit=RejectLimit(rows=1))])
def test_whoever_says_what_becomes_of_misfits_has_them_looked_for_first(options: RunOptions) -> None:
    assert not may_stay_unseen(options=options)


def test_tables_of_others_have_the_values_looked_at_first() -> None:
    assert not may_stay_unseen(existing={"film": FILM})


def test_a_source_or_target_that_does_not_promise_it_has_the_values_looked_at_first() -> None:
    assert not may_stay_unseen(reads_unseen=False)
    assert not may_stay_unseen(refuses=frozenset())
