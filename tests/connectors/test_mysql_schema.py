"""What a MySQL database holds is described in full, and can be built again, also from other engines' words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog.model import (
    Check,
    Column,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Key,
    ReferentialAction,
    Sequence,
    Table,
    TableName,
)
from domain.catalog.types import (
    Bits,
    Integer,
    Json,
    Timestamp,
)
from domain.connections.values import Endpoint, Engine
from domain.kernel.values import Bytes, Rows
from domain.migrations.schema_plan import Outcome
from infra.connectors.mysql.connector import CONNECTOR
from infra.connectors.mysql.introspect import without_database
from tests.connectors.lab import Lab
from tests.support.mysql import MysqlServer
from tests.support.mysql_schemas import built, introspected

SHOP = (
    """CREATE TABLE customer (
        id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
        email VARCHAR(200) NOT NULL COMMENT 'it''s "unique"',
        nick VARCHAR(20) CHARACTER SET latin1 DEFAULT 'it''s',
        score INT NOT NULL DEFAULT (1 + 2),
        twice INT GENERATED ALWAYS AS (score * 2) STORED,
        thrice INT GENERATED ALWAYS AS (score * 3) VIRTUAL,
        prefs JSON DEFAULT '{}',
        flags BIT(5) DEFAULT b'101',
        born DATE DEFAULT NULL,
        changed DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
        seen TIMESTAMP NOT NULL,
        UNIQUE KEY by_email (email),
        KEY by_nick (nick(5) DESC, score),
        FULLTEXT KEY words (email),
        CONSTRAINT positive CHECK (score > 0)
    ) CHARACTER SET utf8mb4 COMMENT 'who buys'""",
    """CREATE TABLE purchase (
        customer_id INT UNSIGNED NOT NULL, number INT NOT NULL, parent_customer INT UNSIGNED, parent_number INT,
        PRIMARY KEY (customer_id, number),
        CONSTRAINT of_customer FOREIGN KEY (customer_id) REFERENCES customer (id) ON DELETE CASCADE ON UPDATE RESTRICT,
        CONSTRAINT of_parent FOREIGN KEY (parent_customer, parent_number) REFERENCES purchase (customer_id, number)
            ON DELETE SET NULL
    )""",
    "INSERT INTO customer (id, email, seen) VALUES (41, 'a', '2024-01-01')",
    "CREATE VIEW zz_base AS SELECT id, email FROM customer WHERE email <> 'x.`y`'",
    "CREATE VIEW aa_top AS SELECT id FROM zz_base",
    "CREATE SEQUENCE ticket START WITH 7 INCREMENT BY 3",
    "CREATE TRIGGER stamp BEFORE INSERT ON purchase FOR EACH ROW SET NEW.number = NEW.number",
    "CREATE PROCEDURE tidy() SELECT 1",
    "CREATE FUNCTION one() RETURNS INT DETERMINISTIC RETURN 1",
    "CREATE EVENT later ON SCHEDULE EVERY 1 YEAR DO SELECT 1",
)


async def test_a_database_is_described_in_full(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    mysql_server.run(*SHOP, database=mysql_database.database)

    schema = await introspected(mysql_database)

    customer = schema.table(TableName("customer"))
    assert customer is not None
    columns = {column.name: column for column in customer.columns}
    assert customer.comment == "who buys"
    assert customer.primary_key == Key(("id",))
    assert columns["id"] == Column(
        "id", Integer(32, signed=False), "int(10) unsigned", nullable=False, identity=Identity(42)
    )
    assert columns["email"].comment == 'it\'s "unique"'
    assert columns["nick"].native == "varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci"
    assert columns["nick"].default == "'it''s'"
    assert (columns["score"].nullable, columns["score"].default) == (False, "(1 + 2)")
    assert (columns["twice"].generated, columns["twice"].generated_stored) == ("`score` * 2", True)
    assert (columns["thrice"].generated, columns["thrice"].generated_stored) == ("`score` * 3", False)
    assert (columns["prefs"].type, columns["prefs"].native, columns["prefs"].default) == (Json(), "json", "'{}'")
    assert (columns["flags"].type, columns["flags"].default) == (Bits(5), "b'101'")
    assert (columns["born"].nullable, columns["born"].default) == (True, None)
    assert columns["changed"].on_update == "CURRENT_TIMESTAMP(6)"
    assert columns["changed"].default == "current_timestamp(6)"
    assert columns["seen"].type == Timestamp(0, zoned=True)
    assert customer.checks == (Check("positive", "`score` > 0"),)
    assert set(customer.indexes) == {
        Index("by_email", (IndexPart("email"),), unique=True, constraint=True),
        Index("by_nick", (IndexPart("nick", prefix=5, descending=True), IndexPart("score"))),
        Index("words", (IndexPart("email"),), method="FULLTEXT"),
    }


async def test_what_is_beside_tables_is_described_too(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    mysql_server.run(*SHOP, database=mysql_database.database)

    schema = await introspected(mysql_database)

    purchase = schema.table(TableName("purchase"))
    assert purchase is not None
    assert set(purchase.foreign_keys) == {
        ForeignKey(
            "of_customer",
            ("customer_id",),
            TableName("customer"),
            ("id",),
            ReferentialAction.CASCADE,
            ReferentialAction.RESTRICT,
        ),
        ForeignKey(
            "of_parent",
            ("parent_customer", "parent_number"),
            TableName("purchase"),
            ("customer_id", "number"),
            ReferentialAction.SET_NULL,
            purchase.foreign_keys[1].on_update,
        ),
    }
    assert schema.sequences == (Sequence(TableName("ticket"), 7, 3, 1, 2**63 - 2),)
    assert [view.name.name for view in schema.views] == ["aa_top", "zz_base"]
    assert mysql_database.database not in schema.views[0].definition
    assert "'x.`y`'" in schema.views[1].definition
    assert {(other.kind, other.name, other.definition.partition(" ON ")[0]) for other in schema.others} == {
        ("TRIGGER", "stamp", "CREATE TRIGGER `stamp` BEFORE INSERT"),
        ("PROCEDURE", "tidy", ""),  # this user may not see what others have made
        ("FUNCTION", "one", ""),
        ("EVENT", "later", "CREATE EVENT `later`"),
    }


async def test_a_database_is_built_again_as_it_was(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    mysql_server.run(*SHOP, database=mysql_database.database)
    other = mysql_server.create_database()
    schema = await introspected(mysql_database)

    plan = await built(schema, other)

    again = await introspected(other)
    mysql_server.drop(other)
    assert [bare(table) for table in again.tables] == [bare(table) for table in schema.tables]
    assert again.views == schema.views
    assert again.sequences == schema.sequences
    assert {line.object.name for line in plan.parity if line.outcome is not Outcome.CREATED} == {
        "tidy",
        "one",
        "later",
    }


def bare(table: Table) -> Table:
    """A table without the server's guesses."""
    return replace(table, row_estimate=Rows(0), size_bytes=Bytes(0))


async def test_catalogue_questions_do_not_grow_with_tables(mysql_server: MysqlServer, mysql_database: Endpoint) -> None:
    mysql_server.run(
        *(f"CREATE TABLE t{number} (id INT PRIMARY KEY)" for number in range(30)), database=mysql_database.database
    )
    target = await CONNECTOR.open_target(mysql_database, writers=1)
    asked = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Questions'"

    before = mysql_server.run(asked)
    schema = await target.introspect()
    after = mysql_server.run(asked)
    await target.close()

    assert len(schema.tables) == 30
    assert int(str(after[0][0])) - int(str(before[0][0])) < 25


def test_a_database_name_goes_from_names_and_stays_in_literals() -> None:
    sql = "select `d`.`t`.`a` AS `d` from `d`.`t` where `d`.`t`.`a` = '`d`.x' and `t`.`d` > 1"

    assert without_database(sql, "d") == "select `t`.`a` AS `d` from `t` where `t`.`a` = '`d`.x' and `t`.`d` > 1"


def test_a_table_may_have_the_name_of_its_database() -> None:
    sql = "select `d`.`d`.`a` AS `a` from `d`.`d` join `d`.`t` on `d`.`d`.`a` = `d`.`t`.`a`"

    assert without_database(sql, "d") == "select `d`.`a` AS `a` from `d` join `t` on `d`.`a` = `t`.`a`"


@pytest.mark.engines(Engine.MYSQL)
async def test_the_ledger_is_nobody_elses_business(lab: Lab) -> None:
    async with lab.target() as target:
        await target.open_run("run", "plan")

        assert (await target.introspect()).tables == ()
        await target.close_run("run")
