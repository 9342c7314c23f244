"""A planned schema accounts for every object, and what it builds is found again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from domain.catalog.model import (
    Check,
    Column,
    DatabaseSchema,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Key,
    OtherObject,
    ReferentialAction,
    Sequence,
    Table,
    TableName,
    View,
)
from domain.catalog.types import Boolean, Date, Decimal, Enumeration, Integer, Opaque, Text, Timestamp
from domain.connections.values import Engine
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import ObjectKind, Outcome, Phase, SchemaObject
from tests.connectors.lab import Lab, a_column, batches, copy_of, run_steps, table_named, whole
from tests.support.awkward import AWKWARD

CUSTOMER = Table(
    TableName("customer"),
    (
        Column("id", Integer(64), "bigint", nullable=False, identity=Identity(42)),
        Column("email", Text(120), "varchar(120)", nullable=False),
        Column("code", Text(10), "varchar(10)", nullable=False, default="'none'"),
        Column("credit", Decimal(10, 2), "numeric(10,2)", nullable=False, default="0", comment="In euros"),
        Column("is_active", Boolean(), "boolean", nullable=False, default="true"),
        Column("born", Date(), "date"),
        Column("seen", Timestamp(), "timestamp", default="CURRENT_TIMESTAMP"),
    ),
    primary_key=Key(("id",), "customer_pkey"),
    indexes=(
        Index("customer_email_key", (IndexPart("email"),), unique=True, constraint=True),
        Index("customer_code_born", (IndexPart("code"), IndexPart("born"))),
    ),
    checks=(Check("customer_credit_check", "credit >= 0"),),
    comment="Who buys",
)
PURCHASE = Table(
    TableName("purchase"),
    (
        Column("customer_id", Integer(64), "bigint", nullable=False),
        Column("line", Integer(32), "integer", nullable=False),
        Column("quantity", Integer(32), "integer", nullable=False, default="1"),
    ),
    primary_key=Key(("customer_id", "line"), "purchase_pkey"),
    foreign_keys=(
        ForeignKey(
            "purchase_customer_fkey",
            ("customer_id",),
            TableName("customer"),
            ("id",),
            on_delete=ReferentialAction.CASCADE,
        ),
    ),
)
SHOP = DatabaseSchema(
    Engine.POSTGRESQL,
    "16.1",
    (PURCHASE, CUSTOMER),
    sequences=(Sequence(TableName("ticket"), 100),),
    views=(View(TableName("active_customer"), "SELECT id, email FROM customer WHERE is_active"),),
    others=(OtherObject("TRIGGER", "audit"), OtherObject("FUNCTION", "total()"), OtherObject("TYPE", "mood")),
)
EVERY_TYPE = Table(
    TableName("every_type"),
    tuple(a_column(awkward.name, awkward.type) for awkward in AWKWARD),
)


def written_by(lab: Lab, schema: DatabaseSchema) -> DatabaseSchema:
    """The same schema as another engine would have it: it is never in the words of the one under test."""
    return replace(schema, engine=lab.other)


@pytest.mark.parametrize(
    "schema",
    [
        SHOP,
        DatabaseSchema(Engine.POSTGRESQL, "16.1", (EVERY_TYPE,)),
        DatabaseSchema(
            Engine.POSTGRESQL,
            "16.1",
            (
                replace(
                    CUSTOMER,
                    columns=(
                        *CUSTOMER.columns,
                        Column("total", Integer(32), "integer", generated="id * 2", generated_stored=True),
                    ),
                    indexes=(
                        *CUSTOMER.indexes,
                        Index("by_upper", (IndexPart(expression="upper(email)"),)),
                        Index("some", (IndexPart("code", descending=True),), unique=True, predicate="born IS NOT NULL"),
                        Index("words", (IndexPart("email"),), method="gin"),
                        Index("first_letters", (IndexPart("email", prefix=3),)),
                    ),
                    checks=(*CUSTOMER.checks, Check("odd", "no_such_function(code) > 1")),
                ),
            ),
        ),
    ],
    ids=["shop", "types", "rare"],
)
def test_every_object_has_exactly_one_line_in_the_report(lab: Lab, schema: DatabaseSchema) -> None:
    wanted = written_by(lab, schema)

    plan = lab.connector.plan_schema(wanted, lab.endpoint)

    assert Counter(line.object for line in plan.parity) == Counter(inventory(wanted))
    assert all(line.reason for line in plan.parity if line.outcome is not Outcome.CREATED)


def test_a_plan_keeps_the_order_of_tables_and_columns(lab: Lab) -> None:
    wanted = written_by(lab, SHOP)

    plan = lab.connector.plan_schema(wanted, lab.endpoint)

    assert [[column.name for column in table.columns] for table in plan.tables] == [
        [column.name for column in table.columns] for table in wanted.tables
    ]
    assert [table.name.name for table in plan.tables] == ["purchase", "customer"]
    assert all(
        made.type == column.type and made.native
        for table, built in zip(wanted.tables, plan.tables, strict=True)
        for column, made in zip(table.columns, built.columns, strict=True)
    )


def test_steps_have_numbers_of_their_own_and_the_same_plan_has_the_same_steps(lab: Lab) -> None:
    first = lab.connector.plan_schema(written_by(lab, SHOP), lab.endpoint)
    second = lab.connector.plan_schema(written_by(lab, SHOP), lab.endpoint)

    assert len({step.number for step in first.steps}) == len(first.steps)
    assert first == second


async def test_keys_indexes_and_references_are_found_again(lab: Lab) -> None:
    await lab.build(written_by(lab, SHOP))

    async with lab.source() as source:
        found = await source.introspect()
    customer, purchase = table_named(found, "customer"), table_named(found, "purchase")
    assert customer.primary_key is not None
    assert customer.primary_key.columns == ("id",)
    assert purchase.primary_key is not None
    assert purchase.primary_key.columns == ("customer_id", "line")
    indexes = {(tuple(part.column for part in index.parts), index.unique) for index in customer.indexes}
    assert indexes >= {(("email",), True), (("code", "born"), False)}
    (reference,) = purchase.foreign_keys
    assert (reference.columns, reference.references.name, reference.referenced_columns) == (
        ("customer_id",),
        "customer",
        ("id",),
    )


async def test_columns_keep_whether_they_may_be_empty_and_their_defaults(lab: Lab) -> None:
    await lab.build(written_by(lab, SHOP))

    customer = await lab.found("customer")
    nullable = {column.name for column in customer.columns if column.nullable}
    defaults = {column.name: column.default for column in customer.columns}
    assert nullable == {"born", "seen"}
    assert "none" in str(defaults["code"])
    assert defaults["email"] is None
    assert str(defaults["credit"]).strip("'()").startswith("0")


async def test_the_next_number_is_the_sources_even_beyond_the_rows(lab: Lab) -> None:
    plan = lab.connector.plan_schema(written_by(lab, SHOP), lab.endpoint)
    copy = copy_of(CUSTOMER, plan.tables[1])
    row = (7, "a@b.example", "x", "1.50", True, "2000-01-01", "2024-01-01 00:00:00.000000")
    async with lab.target() as target:
        ticket = await target.open_run("run", "plan")
        await run_steps(target, plan, ticket, Phase.BEFORE_DATA)
        await target.write(copy, whole(copy), batches(copy, [row]), ticket)
        await run_steps(target, plan, ticket, Phase.INDEXES, Phase.FOREIGN_KEYS, Phase.FINISH)
        await target.close_run("run")

    identity = (await lab.found("customer")).columns[0].identity
    assert identity is not None
    assert identity.next_value == 42


async def test_every_reported_view_is_there(lab: Lab) -> None:
    plan = await lab.build(written_by(lab, SHOP))

    outcome = next(line.outcome for line in plan.parity if line.object.kind is ObjectKind.VIEW)
    async with lab.source() as source:
        views = [view.name.name for view in (await source.introspect()).views]
    assert views == ([] if outcome is Outcome.SKIPPED else ["active_customer"])


async def test_a_schema_is_planned_again_from_what_was_built(lab: Lab) -> None:
    await lab.build(written_by(lab, replace(SHOP, others=(), sequences=())))
    async with lab.source() as source:
        found = await source.introspect()

    plan = lab.connector.plan_schema(found, lab.endpoint)

    assert Counter(line.object for line in plan.parity) == Counter(inventory(found))
    columns = [line for line in plan.parity if line.object.kind is ObjectKind.COLUMN]
    assert all(line.outcome is Outcome.CREATED for line in columns), columns


async def test_names_that_need_quotes_are_kept(lab: Lab) -> None:
    name = 'Mixed "case" `and` [more] é %s'
    columns = (
        a_column("select", Integer(64), nullable=False),
        a_column("a b'c\"d`e]f", Text(20)),
        a_column("Ünïcode", Text()),
        a_column("line\nbreak", Text(20)),
        a_column(":value %(name)s $1 ?", Text(20)),
        a_column("x" * 63, Text(20)),
    )
    table = Table(TableName(name), columns, primary_key=Key(("select",), "order"))

    await lab.make(table, [(1, "x", "y", "a", "b", "c")])

    assert await lab.rows(name) == [(1, "x", "y", "a", "b", "c")]
    assert [column.name for column in (await lab.found(name)).columns] == [column.name for column in columns]


async def test_a_check_of_the_source_guards_the_target(lab: Lab) -> None:
    wanted = written_by(lab, SHOP)
    plan = lab.connector.plan_schema(wanted, lab.endpoint)
    line = next(line for line in plan.parity if line.object.kind is ObjectKind.CHECK)
    assert line.object == SchemaObject(ObjectKind.CHECK, "customer_credit_check", "customer")
    assert line.outcome is not Outcome.SKIPPED
    await lab.build(wanted)

    assert any("credit" in check.expression for check in (await lab.found("customer")).checks)


def test_an_unknown_type_is_held_as_its_text(lab: Lab) -> None:
    table = Table(
        TableName("odd"), (a_column("range", Opaque("int4range")), a_column("mood", Enumeration(("a", "b"), "mood")))
    )

    plan = lab.connector.plan_schema(lab.wanted(table), lab.endpoint)

    assert all(column.native for column in plan.tables[0].columns)
