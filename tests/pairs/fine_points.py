"""Fine points of PostgreSQL's objects: what makes them, and a question whose answer shows that they are there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FinePoint:
    """Statements, and a query that answers alike wherever their objects have arrived whole."""

    make: str
    ask: str
    replaced: frozenset[str] = frozenset()


FINE_POINTS = {
    "a range type's collation, operator class and multirange": FinePoint(
        """
        CREATE FUNCTION apart(float8, float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2';
        CREATE TYPE span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = apart, MULTIRANGE_TYPE_NAME = spans);
        CREATE TYPE words AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = text_pattern_ops, COLLATION = "POSIX");
        CREATE TABLE t (s span, many spans, w words); INSERT INTO t VALUES ('[1,2)', '{[1,2),[3,4)}', '[B,a]');
        """,
        """SELECT rngtypid::regtype, rngmultitypid::regtype, rngcollation::regcollation, opcname, rngsubdiff
        FROM pg_range JOIN pg_opclass o ON o.oid = rngsubopc WHERE rngtypid >= 16384 ORDER BY 1""",
    ),
    "collations of domains and of composite types' attributes": FinePoint(
        """
        CREATE SCHEMA "Odd One"; CREATE COLLATION "Odd One"."No case" (PROVIDER = icu, LOCALE = 'und-u-ks-level2',
            DETERMINISTIC = false);
        CREATE DOMAIN word AS text COLLATE "Odd One"."No case"; CREATE DOMAIN short AS word CHECK (length(VALUE) < 9);
        CREATE TYPE pair AS (a text COLLATE "C", b word, c text);
        CREATE TABLE t (w short UNIQUE, p pair); INSERT INTO t VALUES ('a', '(x,y,z)');
        """,
        """SELECT typname, typcollation::regcollation FROM pg_type WHERE typname IN ('word', 'short')
        UNION ALL SELECT attname, attcollation::regcollation FROM pg_attribute
        WHERE attrelid IN ('pair'::regclass, 't'::regclass) AND attnum > 0 ORDER BY 1""",
    ),
    "a domain's constraint that is not valid": FinePoint(
        """
        CREATE DOMAIN code AS text CHECK (VALUE <> ''); CREATE TABLE t (c code); INSERT INTO t VALUES ('long');
        ALTER DOMAIN code ADD CONSTRAINT short CHECK (length(VALUE) < 3) NOT VALID;
        """,
        "SELECT conname, pg_get_constraintdef(oid), c FROM pg_constraint, t WHERE contypid <> 0 ORDER BY 1",
    ),
    "references that match fully, and that set some of their columns": FinePoint(
        """
        CREATE TABLE boss (tenant int, "Id %s" int, PRIMARY KEY (tenant, "Id %s"));
        CREATE TABLE t (tenant int NOT NULL, "a ""b" int, other int DEFAULT 1,
            CONSTRAINT whole FOREIGN KEY (tenant, other) REFERENCES boss MATCH FULL ON DELETE SET DEFAULT (other),
            CONSTRAINT part FOREIGN KEY (tenant, "a ""b") REFERENCES boss ON UPDATE CASCADE ON DELETE SET NULL ("a ""b")
            DEFERRABLE);
        INSERT INTO boss VALUES (1, 1), (1, 2); INSERT INTO t VALUES (1, 2, 1);
        """,
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass ORDER BY 1",
    ),
    "a primary key that stores more columns and may wait": FinePoint(
        """
        CREATE TABLE t (id int, "Word %s" text, n int,
            CONSTRAINT k PRIMARY KEY (id, n) INCLUDE ("Word %s") DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO t VALUES (1, 'a', 2), (2, 'b', 3);
        """,
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass",
    ),
    "a check that tables which inherit need not meet": FinePoint(
        """
        CREATE TABLE t (a int, CONSTRAINT here CHECK (a > 0) NO INHERIT, CONSTRAINT all_ CHECK (a < 9));
        CREATE TABLE child (b int) INHERITS (t); INSERT INTO t VALUES (1); INSERT INTO child VALUES (-1);
        ALTER TABLE t ADD CONSTRAINT later CHECK (a > 1) NO INHERIT NOT VALID;
        """,
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(c.oid), inhparent::regclass
        FROM pg_constraint c LEFT JOIN pg_inherits ON inhrelid = conrelid WHERE conrelid <> 0
        AND conrelid::regclass::text IN ('t', 'child') ORDER BY 1, 2""",
        frozenset({"other child.t"}),
    ),
    "triggers and rules that are disabled, or fire for replicas": FinePoint(
        """
        CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TABLE z (a int) PARTITION BY RANGE (a);
        CREATE TABLE "p %s" PARTITION OF z FOR VALUES FROM (0) TO (5); CREATE TABLE b PARTITION OF z DEFAULT;
        CREATE TRIGGER off BEFORE INSERT ON z FOR EACH ROW EXECUTE FUNCTION seen();
        CREATE TRIGGER "A ""b" AFTER INSERT ON z FOR EACH ROW EXECUTE FUNCTION seen();
        CREATE TRIGGER mine AFTER INSERT ON "p %s" FOR EACH ROW EXECUTE FUNCTION seen();
        CREATE RULE "R %s" AS ON DELETE TO z DO INSTEAD NOTHING; CREATE RULE on_ AS ON UPDATE TO z DO INSTEAD NOTHING;
        ALTER TABLE z DISABLE TRIGGER off; ALTER TABLE b ENABLE TRIGGER off;
        ALTER TABLE "p %s" DISABLE TRIGGER "A ""b", ENABLE REPLICA TRIGGER mine;
        ALTER TABLE z DISABLE RULE "R %s", ENABLE ALWAYS RULE on_; INSERT INTO z VALUES (1), (7);
        """,
        """SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT ev_class::regclass::text, rulename, ev_enabled FROM pg_rewrite WHERE ev_class = 'z'::regclass
        ORDER BY 1, 2""",
    ),
    "options of views, indexes and long values": FinePoint(
        """
        CREATE TABLE t (id int PRIMARY KEY WITH (fillfactor = 50), w text, UNIQUE (w) WITH (deduplicate_items = off))
            WITH (fillfactor = 40, toast.autovacuum_enabled = off);
        CREATE INDEX "i %s" ON t USING brin (id) WITH (pages_per_range = 8);
        CREATE VIEW "v ""1" WITH (security_barrier) AS SELECT * FROM t WHERE id > 0 WITH LOCAL CHECK OPTION;
        CREATE VIEW w WITH (security_invoker = true) AS SELECT id FROM "v ""1" WITH CASCADED CHECK OPTION;
        CREATE MATERIALIZED VIEW m WITH (fillfactor = 33) AS SELECT 1 AS one; INSERT INTO t VALUES (1, 'a');
        """,
        """SELECT CASE relkind WHEN 't' THEN 'long values' ELSE relname END, reloptions FROM pg_class
        WHERE oid >= 16384 AND relkind IN ('r', 'v', 'm', 'i', 't') AND reloptions IS NOT NULL ORDER BY 1""",
    ),
    "collations of an index's expressions, and parameters of its operator classes": FinePoint(
        """
        CREATE SCHEMA s; CREATE COLLATION s."Any case" (PROVIDER = icu, LOCALE = 'und-u-ks-level2',
            DETERMINISTIC = false);
        CREATE TABLE t (a text, c text COLLATE "C", n int, j jsonb, v tsvector);
        CREATE UNIQUE INDEX one ON t (lower(a) COLLATE s."Any case" DESC NULLS LAST, n) WHERE n > 0;
        CREATE INDEX two ON t (lower(c), lower(c) COLLATE "default", (c || a) COLLATE "POSIX", (j ->> 'x'), (n + 1));
        CREATE INDEX three ON t USING brin (n int4_minmax_multi_ops (values_per_range = 16));
        CREATE INDEX four ON t USING gist (v tsvector_ops (siglen = 100)); INSERT INTO t (a, n) VALUES ('a', 1);
        """,
        "SELECT indexdef FROM pg_indexes WHERE tablename = 't' ORDER BY 1",
    ),
    "defaults and NOT NULL of partitions": FinePoint(
        """
        CREATE TABLE t (k text DEFAULT 'x', n int DEFAULT 1, "O %s" int) PARTITION BY RANGE (n);
        CREATE TABLE z PARTITION OF t (k DEFAULT 'twenty') FOR VALUES FROM (0) TO (9) PARTITION BY LIST (k);
        CREATE TABLE a PARTITION OF z DEFAULT; CREATE TABLE b PARTITION OF z (k DEFAULT 'b') FOR VALUES IN ('b');
        CREATE TABLE rest PARTITION OF t DEFAULT; INSERT INTO t VALUES ('b', 1, 1), ('c', 1, 1), ('d', 10, 1);
        ALTER TABLE rest ALTER n DROP DEFAULT, ALTER "O %s" SET NOT NULL, ALTER "O %s" SET DEFAULT 7;
        """,
        """SELECT attrelid::regclass::text, attname, attnotnull, pg_get_expr(adbin, adrelid) FROM pg_attribute
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attnum > 0 AND attrelid::regclass::text IN ('t', 'z', 'a', 'b', 'rest') ORDER BY 1, 2""",
    ),
    "what is said of tables and columns beside their definitions": FinePoint(
        """
        CREATE TYPE pair AS (a int, "B %s" text); CREATE TABLE t OF pair (a WITH OPTIONS PRIMARY KEY);
        CREATE TABLE u (id int NOT NULL, long text, CONSTRAINT "U %s" UNIQUE (id));
        ALTER TABLE t REPLICA IDENTITY FULL; ALTER TABLE u REPLICA IDENTITY USING INDEX "U %s", CLUSTER ON "U %s";
        ALTER TABLE t ALTER "B %s" SET STORAGE EXTERNAL, ALTER "B %s" SET COMPRESSION pglz,
            ALTER "B %s" SET STATISTICS 500; ALTER TABLE u ALTER long SET (n_distinct = -0.5);
        CREATE VIEW v AS SELECT id, long FROM u; ALTER VIEW v ALTER long SET DEFAULT 'long';
        CREATE TABLE part (id int, w text) PARTITION BY LIST (id); CREATE TABLE one PARTITION OF part FOR VALUES IN (1);
        ALTER TABLE one REPLICA IDENTITY NOTHING, ALTER w SET STORAGE MAIN; INSERT INTO t VALUES (1, 'a');
        """,
        """SELECT c.relname, c.relreplident, c.reloftype::regtype, attname, attstorage, attcompression, attstattarget,
            attoptions, pg_get_expr(adbin, adrelid), i.relname, indisclustered, indisreplident
        FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        LEFT JOIN pg_index x ON indrelid = c.oid LEFT JOIN pg_class i ON i.oid = indexrelid
        WHERE c.relname IN ('t', 'u', 'v', 'part', 'one') ORDER BY 1, 4""",
    ),
}
