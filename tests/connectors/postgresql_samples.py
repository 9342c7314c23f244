"""A PostgreSQL schema with every sort of object, rows that are hard to copy, and the moves its tests make."""

from __future__ import annotations

from dataclasses import replace

from domain.catalog.model import DatabaseSchema, TableName
from domain.connections.values import Endpoint
from domain.kernel.values import Bytes, Rows
from domain.migrations.digests import DigestColumn
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import Phase, SchemaPlan
from domain.migrations.transfer import ColumnCopy, Source, TableCopy, Target, Ticket, WireFormat
from infra.connectors.postgresql.connector import CONNECTOR

EVERY_OBJECT = """
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'hap''py');
CREATE DOMAIN email AS text CHECK (value LIKE '%@%');
CREATE DOMAIN positive AS numeric(10,2) NOT NULL CHECK (value > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE FUNCTION three() RETURNS integer LANGUAGE sql AS 'SELECT 3';
CREATE TABLE film (
    id serial PRIMARY KEY, title varchar(100) NOT NULL DEFAULT 'none', length smallint CHECK (length > -40000),
    price numeric(10,2) DEFAULT 1.5, feeling mood DEFAULT 'ok', contact email, fee positive DEFAULT 3, tags text[],
    span int4range, made timestamp(3) DEFAULT now(), seen timestamptz, starts time, starts_at timetz, lasts interval,
    code uuid DEFAULT gen_random_uuid(), note json, facts jsonb DEFAULT '{}', content bytea,
    is_shown boolean DEFAULT true, country char(5), flags bit(3), some_flags bit varying(8), any_flags bit varying,
    address inet, paid money, ratio real, exact double precision, amount numeric, rounded numeric(5,-2), file oid,
    pause interval day to second(3), sorted text COLLATE "C", twice integer GENERATED ALWAYS AS (length * 2) STORED,
    feelings mood[], couple pair, thrice integer DEFAULT three());
COMMENT ON TABLE film IS 'films';
COMMENT ON COLUMN film.title IS 'the ''title''';
CREATE INDEX film_lower ON film (lower(title), length DESC) INCLUDE (price) WHERE length > 3;
CREATE INDEX film_tags ON film USING gin (tags);
CREATE INDEX film_pattern ON film (title text_pattern_ops);
ALTER TABLE film ADD CONSTRAINT film_title_length UNIQUE (title, length);
CREATE TABLE actor (id integer GENERATED ALWAYS AS IDENTITY (START 10), film_id integer
    REFERENCES film (id) ON DELETE CASCADE ON UPDATE SET NULL, PRIMARY KEY (id, film_id));
CREATE SEQUENCE tickets INCREMENT 5 START 100;
SELECT nextval('tickets');
CREATE VIEW long_films AS SELECT title FROM film WHERE length > 1;
CREATE VIEW a_view_of_a_view AS SELECT * FROM long_films;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS films FROM film;
CREATE INDEX counted_films ON counted (films);
CREATE TABLE sale (id integer, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE sale_2020 PARTITION OF sale FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE sale_other PARTITION OF sale DEFAULT;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER stamped BEFORE UPDATE ON film FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TABLE booking (room citext PRIMARY KEY, span int4range, EXCLUDE USING gist (span WITH &&));
"""

HARD_ROWS = r"""
INSERT INTO film (title, length, price, feeling, contact, fee, tags, span, made, seen, starts, starts_at, lasts, note,
    facts, content, is_shown, country, flags, some_flags, any_flags, address, paid, ratio, exact, amount, rounded, file,
    pause, sorted, feelings, couple)
VALUES
(E'a\tb\\c\nd"e,''f\r', 32767, 12345678.91, 'hap''py', 'x@y', 3.10, ARRAY['a', NULL, 'b,"c'], '[1,5)',
    '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.789012+05:30', '23:59:59.999999', '23:59:59.5+05:30',
    '1 year 2 mons 3 days 04:05:06.789', '{"a": [1,  2.50]}', '{"b":null,"a":1e30}', '\x00ff5c0a', true, 'ab', '101',
    '10101', '1', '10.0.0.1/8', 12.34, 1.1, 1.1, 123456789012345678901234567890.123456789, 12300, 4294967295,
    '1 day 02:03:04.5', E'\\N', '{sad,ok}', '(1,"x,y")'),
('', -32768, -99999999.99, NULL, NULL, 0.01, '{}', NULL, 'infinity', '-infinity', '24:00:00', '00:00:00-12', '-1 mons',
    'null', '"x"', '', false, '', NULL, '', '', NULL, NULL, 'NaN', '-Infinity', 'NaN', -500, 0, NULL, '', '{}', NULL),
('é😀', 0, 0, 'sad', NULL, 0.01, NULL, 'empty', '0001-01-01', '0001-01-01 00:00:00+00', '00:00:00', NULL, NULL, NULL,
    NULL, NULL, NULL, '  x', NULL, NULL, NULL, NULL, -0.01, '-0', '-0', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
('bc', NULL, NULL, NULL, NULL, 1, NULL, NULL, '0044-03-15 BC', '4713-01-01 00:00:00 BC', NULL, '10:00+00:19:32', NULL,
    NULL, NULL,
    (SELECT string_agg(decode(lpad(to_hex(x), 2, '0'), 'hex'), '' ORDER BY x) FROM generate_series(0, 255) x),
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, '3.4028235e38', '5e-324', '0.000', NULL, NULL, NULL, chr(65279) || 'bom',
    NULL, NULL),
('last', NULL, NULL, NULL, NULL, 1, NULL, NULL, '9999-12-31 23:59:59.999', '294276-12-31 23:59:59.999999', NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '1e-45', '1.7976931348623157e308', '1e-20', NULL,
    NULL, NULL, repeat('x', 5000000), NULL, NULL);
INSERT INTO actor (film_id) SELECT id FROM film;
INSERT INTO sale VALUES (1, '2020-05-05'), (2, '2022-01-01');
INSERT INTO booking VALUES ('Abc', '[1,2)'), ('abd', '[2,3)');
"""


def wanted_of(schema: DatabaseSchema) -> DatabaseSchema:
    """The same objects without the name of their schema, as the engine wants them."""
    tables = tuple(
        replace(
            table,
            name=TableName(table.name.name),
            foreign_keys=tuple(replace(key, references=TableName(key.references.name)) for key in table.foreign_keys),
        )
        for table in schema.tables
    )
    views = tuple(replace(view, name=TableName(view.name.name)) for view in schema.views)
    sequences = tuple(replace(sequence, name=TableName(sequence.name.name)) for sequence in schema.sequences)
    return replace(schema, tables=tables, views=views, sequences=sequences)


def copies(schema: DatabaseSchema, plan: SchemaPlan, form: WireFormat) -> list[TableCopy]:
    """The copies of all tables; the binary form leaves out what is numbered anew in every database."""
    made = []
    for number, (table, planned) in enumerate(zip(schema.tables, plan.tables, strict=True)):
        columns = tuple(
            ColumnCopy(here.name, there.name, here.type, here.native, there.native)
            for here, there in zip(table.columns, planned.columns, strict=True)
            if there.generated is None and not (form is WireFormat.PG_BINARY and here.name in ("feelings", "couple"))
        )
        key = table.primary_key.columns if table.primary_key else ()
        made.append(TableCopy(number, table.name, planned.name, columns, key, form))
    return made


async def run_phase(target: Target, plan: SchemaPlan, ticket: Ticket, phase: Phase) -> None:
    """Run the steps of a phase; here even the optional ones must succeed."""
    for step in plan.steps:
        if step.phase is phase:
            await target.execute(step, ticket)


async def move(source: Source, end: Endpoint, form: WireFormat, rows_max: int = 2) -> list[TableCopy]:
    """Copy all that a source holds, in small chunks, without the engine."""
    schema = await source.introspect()
    plan = CONNECTOR.plan_schema(wanted_of(schema), end)
    made = copies(schema, plan, form)
    target = await CONNECTOR.open_target(end, writers=2)
    try:
        ticket = await target.open_run("move", "plan")
        await run_phase(target, plan, ticket, Phase.BEFORE_DATA)
        for copy in made:
            for chunk in await source.split(copy, rows_max):
                await target.write(copy, chunk, source.read(copy, chunk), ticket)
        for phase in (Phase.INDEXES, Phase.FOREIGN_KEYS, Phase.FINISH):
            await run_phase(target, plan, ticket, phase)
        await target.close_run("move")
    finally:
        await target.close()
    return made


def source_columns(copy: TableCopy) -> tuple[DigestColumn, ...]:
    """The columns of a copy as the source's digest sees them."""
    return tuple(DigestColumn(column.source, column.source_native, column.type) for column in copy.columns)


def without_guesses(schema: DatabaseSchema) -> DatabaseSchema:
    """A description without sizes and estimates."""
    return replace(
        schema, tables=tuple(replace(table, row_estimate=Rows(0), size_bytes=Bytes(0)) for table in schema.tables)
    )


def names(schema: DatabaseSchema) -> set[str]:
    """All objects, in words."""
    return {f"{item.kind.value} {item.table} {item.name}" for item in inventory(schema)}
