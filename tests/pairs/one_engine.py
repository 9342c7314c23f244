"""Databases full of what one engine alone has, as scripts, and what of them can be compared as text."""

from __future__ import annotations

POSTGRESQL = """
CREATE SCHEMA sales; CREATE SCHEMA "Other Parts"; CREATE SCHEMA empty;
CREATE EXTENSION citext; CREATE EXTENSION btree_gist;
CREATE COLLATION sales.plain (PROVIDER = libc, LOCALE = 'C');
CREATE TYPE "Other Parts".mood AS ENUM ('sad', 'glad');
CREATE DOMAIN sales.positive AS integer CHECK (VALUE > 0);
CREATE TYPE sales.pair AS (first integer, second "Other Parts".mood);
CREATE FUNCTION sales.twice(x integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 2 * x';
CREATE SEQUENCE sales.tickets INCREMENT BY 5 MINVALUE 10 MAXVALUE 30 CYCLE;
SELECT nextval('sales.tickets');
CREATE TABLE boss (id integer PRIMARY KEY, name citext);
CREATE TABLE sales.visit (
    id integer GENERATED ALWAYS AS IDENTITY (INCREMENT BY 10) PRIMARY KEY,
    boss integer CONSTRAINT visit_boss REFERENCES boss DEFERRABLE INITIALLY DEFERRED,
    mood "Other Parts".mood, size sales.positive, both_ sales.pair, note text COLLATE sales.plain,
    ticket bigint DEFAULT nextval('sales.tickets'), doubled integer DEFAULT sales.twice(21),
    during tsrange, UNIQUE NULLS NOT DISTINCT (mood, size), EXCLUDE USING gist (boss WITH =, during WITH &&))
    WITH (fillfactor = 70);
CREATE INDEX visit_note ON sales.visit (note DESC NULLS LAST) INCLUDE (size) WHERE size > 3;
CREATE STATISTICS sales.visit_stats ON boss, size FROM sales.visit;
INSERT INTO boss VALUES (1, 'Ada'), (2, 'Eva');
INSERT INTO sales.visit (boss, mood, size, both_, note)
VALUES (1, 'glad', 4, '(1,sad)', 'a'), (2, 'sad', 5, NULL, NULL);
ALTER TABLE boss ADD CONSTRAINT short CHECK (length(name) < 3) NOT VALID;
CREATE TABLE measure (at date NOT NULL, value integer) PARTITION BY RANGE (at);
CREATE TABLE "Other Parts".measure_2024 PARTITION OF measure FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
    PARTITION BY LIST (value);
CREATE TABLE measure_2024_one PARTITION OF "Other Parts".measure_2024 FOR VALUES IN (1);
CREATE TABLE measure_rest PARTITION OF measure DEFAULT;
CREATE INDEX measure_at ON measure (at);
CREATE INDEX only_here ON measure_rest (value);
INSERT INTO measure VALUES ('2024-05-01', 1), ('2020-01-01', 7);
CREATE TABLE parent (a integer); CREATE TABLE child (b integer) INHERITS (parent);
INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);
CREATE VIEW sales.happy AS SELECT v.id, b.name FROM sales.visit v JOIN boss b ON b.id = v.boss WHERE v.mood = 'glad';
CREATE VIEW happier AS SELECT * FROM sales.happy;
CREATE MATERIALIZED VIEW sales.totals AS SELECT boss, count(*) AS visits FROM sales.visit GROUP BY boss;
CREATE UNIQUE INDEX totals_boss ON sales.totals (boss);
CREATE FUNCTION sales.all_happy() RETURNS SETOF sales.happy LANGUAGE sql AS 'SELECT * FROM sales.happy';
CREATE AGGREGATE sales.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0');
CREATE AGGREGATE sales.many(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
CREATE PROCEDURE sales.clear() LANGUAGE sql AS 'DELETE FROM sales.visit';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touched BEFORE UPDATE ON sales.visit FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER partitioned AFTER INSERT ON measure FOR EACH ROW EXECUTE FUNCTION touch();
CREATE RULE nobody AS ON DELETE TO boss DO INSTEAD NOTHING;
CREATE POLICY own ON sales.visit FOR SELECT USING (boss = 1);
ALTER TABLE sales.visit ENABLE ROW LEVEL SECURITY;
COMMENT ON SCHEMA sales IS 'what is sold'; COMMENT ON VIEW sales.happy IS 'the glad ones';
COMMENT ON FUNCTION sales.twice(integer) IS 'two times'; COMMENT ON TYPE "Other Parts".mood IS 'how it is';
COMMENT ON TABLE sales.visit IS 'a visit'; COMMENT ON COLUMN sales.visit.size IS 'how large';
COMMENT ON TRIGGER touched ON sales.visit IS 'nothing';
CREATE TABLE sales.paper (
    a integer, b integer, c text DEFAULT 'x', PRIMARY KEY (a) INCLUDE (b) DEFERRABLE, UNIQUE (a, b),
    CONSTRAINT few CHECK (b < 9) NO INHERIT, CONSTRAINT again FOREIGN KEY (b, a) REFERENCES sales.paper (a, b)
        MATCH FULL ON DELETE SET NULL (b)) WITH (toast.autovacuum_enabled = off);
CREATE INDEX loose ON sales.paper USING brin (b) WITH (pages_per_range = 7);
CREATE INDEX other_order ON sales.paper ((lower(c)) COLLATE "C", c varchar_pattern_ops);
CREATE INDEX by_c ON sales.paper USING gist (to_tsvector('simple', c) tsvector_ops (siglen = 100));
ALTER TABLE sales.paper ALTER c SET STATISTICS 500, ALTER c SET STORAGE EXTERNAL, ALTER c SET COMPRESSION pglz,
    ALTER c SET (n_distinct = 5), REPLICA IDENTITY FULL, CLUSTER ON other_order;
ALTER TABLE measure_rest ALTER value SET DEFAULT 7;
CREATE VIEW sales.guarded WITH (security_barrier, security_invoker) AS SELECT a, b FROM sales.paper WHERE b > 0
    WITH LOCAL CHECK OPTION;
ALTER VIEW sales.guarded ALTER b SET DEFAULT 4;
CREATE TYPE sales.card AS (name text, color text); CREATE TABLE sales.cards OF sales.card;
CREATE TRIGGER asleep BEFORE UPDATE ON sales.paper FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER sleepless BEFORE UPDATE ON sales.paper FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE sales.paper DISABLE TRIGGER asleep, ENABLE ALWAYS TRIGGER sleepless;
CREATE RULE off AS ON DELETE TO sales.paper DO INSTEAD NOTHING; ALTER TABLE sales.paper DISABLE RULE off;
CREATE OPERATOR sales.=== (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
"""

POSTGRESQL_FACTS = """
SELECT n.nspname, c.relname, c.relkind, c.reloptions::text, c.relrowsecurity, pg_get_expr(c.relpartbound, c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_|^information_schema|^_wherry' AND c.relkind <> 'S' ORDER BY 1, 2;
SELECT conrelid::regclass::text COLLATE "C", conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
    AND connamespace::regnamespace::text !~ '^pg_|^information_schema|^_wherry' ORDER BY 1, 2;
SELECT indexrelid::regclass::text COLLATE "C", pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid >= 16384 AND indrelid::regclass::text !~ '^pg_|^_wherry' ORDER BY 1;
SELECT oid::regprocedure::text COLLATE "C", prokind FROM pg_proc WHERE oid >= 16384 AND pronamespace IN
    ('sales'::regnamespace, 'public'::regnamespace) AND prokind <> 'f' OR proname IN ('twice', 'touch', 'all_happy')
    ORDER BY 1;
SELECT tgname, pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2;
SELECT rulename, ev_enabled FROM pg_rewrite WHERE rulename IN ('nobody', 'off') ORDER BY 1;
SELECT attrelid::regclass::text COLLATE "C", attname, attstorage, attcompression, attstattarget, attoptions,
    pg_get_expr(adbin, adrelid) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid IN ('sales.paper'::regclass, 'sales.guarded'::regclass, 'measure_rest'::regclass) ORDER BY 1, 2;
SELECT c.relname, c.relreplident, c.reloftype::regtype, t.reloptions, (SELECT indexrelid::regclass FROM pg_index
    WHERE indrelid = c.oid AND indisclustered) FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
    WHERE c.relname IN ('paper', 'cards') ORDER BY 1;
SELECT polname, pg_get_expr(polqual, polrelid) FROM pg_policy;
SELECT inhrelid::regclass::text COLLATE "C", inhparent::regclass FROM
    pg_inherits ORDER BY 1, 2;
SELECT schemaname, sequencename, increment_by, min_value, max_value, cycle FROM pg_sequences ORDER BY 1, 2;
SELECT o.type, o.identity, d.description FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
    WHERE d.objoid >= 16384 AND o.type <> 'extension' AND o.type <> 'operator class' AND o.identity !~ 'gbt|gist'
    ORDER BY 1, 2;
SELECT viewname, definition FROM pg_views WHERE schemaname IN ('sales', 'public') ORDER BY 1;
SELECT * FROM sales.totals ORDER BY 1; SELECT * FROM happier; SELECT sales.total(x) FROM generate_series(1, 3) x;
SELECT a.attrelid::regclass::text COLLATE "C", a.attname, format_type(a.atttypid, a.atttypmod),
    a.attcollation::regcollation
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind IN ('r', 'p') AND a.attnum > 0
    AND c.relnamespace::regnamespace::text !~ '^pg_|^information_schema|^_wherry' ORDER BY 1, a.attnum;
SELECT nextval('sales.tickets'); SELECT evtname FROM pg_event_trigger;
"""

NUMBERED = """
CREATE SCHEMA "Odd Part";
CREATE TABLE plain (id serial PRIMARY KEY, word text); INSERT INTO plain (word) VALUES ('a'), ('b');
CREATE TABLE small (id smallserial, big bigserial); INSERT INTO small DEFAULT VALUES;
CREATE TABLE "Odd Part"."It's" ("Id" serial); INSERT INTO "Odd Part"."It's" DEFAULT VALUES;
CREATE SEQUENCE counted AS smallint START WITH 40 INCREMENT BY 3 MINVALUE 10 MAXVALUE 50 CACHE 1 CYCLE;
CREATE TABLE counting (id smallint NOT NULL DEFAULT nextval('counted'), word text);
ALTER SEQUENCE counted OWNED BY counting.id;
INSERT INTO counting (word) VALUES ('a'), ('b'), ('c'), ('d'), ('e');
CREATE TABLE late (id integer GENERATED ALWAYS AS IDENTITY (START WITH 100 MINVALUE 50 MAXVALUE 500 CACHE 5));
CREATE TABLE falling (id integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT BY -2 MAXVALUE 7 MINVALUE -90));
INSERT INTO falling DEFAULT VALUES; INSERT INTO falling DEFAULT VALUES;
CREATE SEQUENCE free AS integer START WITH 7 CACHE 3; CREATE SEQUENCE unused START WITH 12;
SELECT nextval('free');
CREATE TABLE "double" (id integer, other integer); CREATE SEQUENCE both_ OWNED BY "double".id;
ALTER TABLE "double" ALTER id SET DEFAULT nextval('both_'), ALTER other SET DEFAULT nextval('both_');
INSERT INTO "double" DEFAULT VALUES;
CREATE TABLE held (word text); CREATE SEQUENCE beside OWNED BY held.word;
"""

NUMBERED_FACTS = """
SELECT attrelid::regclass::text COLLATE "C", attname, attidentity, attnotnull, pg_get_expr(adbin, adrelid)
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND attrelid >= 16384 AND attrelid::regclass::text !~ 'pg_|_wherry|_seq' ORDER BY 1, attnum;
SELECT seqrelid::regclass::text COLLATE "C", seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache,
    seqcycle, refobjid::regclass, refobjsubid, deptype
FROM pg_sequence LEFT JOIN pg_depend ON objid = seqrelid AND classid = 'pg_class'::regclass AND refobjsubid > 0
WHERE seqrelid::regclass::text !~ '_wherry' ORDER BY 1;
SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname <> '_wherry' ORDER BY 1, 2;
SELECT nextval('counted'), nextval('free'), nextval('unused'), nextval('plain_id_seq'), nextval('late_id_seq'),
    nextval('falling_id_seq'), nextval('"Odd Part"."It''s_Id_seq"')
"""

MYSQL = """
CREATE TABLE film (id int AUTO_INCREMENT PRIMARY KEY, title varchar(50), length int, FULLTEXT KEY words (title),
    KEY start (title(5) DESC), changed timestamp DEFAULT current_timestamp ON UPDATE current_timestamp);
CREATE TABLE log (film int, at date NOT NULL, KEY (at)) PARTITION BY RANGE (year(at))
    (PARTITION old VALUES LESS THAN (2020), PARTITION recent VALUES LESS THAN MAXVALUE);
CREATE TABLE small (id int PRIMARY KEY, u uuid, i inet6) ENGINE=MyISAM;
CREATE SEQUENCE tickets START WITH 7 INCREMENT BY 3 MAXVALUE 100 CYCLE;
CREATE FUNCTION hours(minutes int) RETURNS int DETERMINISTIC RETURN minutes DIV 60;
CREATE PROCEDURE films() SELECT count(*) FROM film;
CREATE VIEW long_films AS SELECT title, hours(length) AS h FROM film WHERE length > 60;
CREATE TRIGGER noted AFTER INSERT ON film FOR EACH ROW INSERT INTO log VALUES (NEW.id, '2024-01-01');
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log WHERE film = 0;
INSERT INTO film (title, length) VALUES ('one', 90), ('two', 130);
INSERT INTO log VALUES (9, '2010-01-01');
INSERT INTO small VALUES (1, '123e4567-e89b-12d3-a456-426655440000', '::1')
"""

SQLITE = """
CREATE TABLE price (id INTEGER PRIMARY KEY, amount NUMERIC(5,2), word VARCHAR(9) COLLATE NOCASE UNIQUE);
CREATE TABLE key_only (word TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
CREATE TABLE strict_one (id INTEGER PRIMARY KEY, n INT, t TEXT, a ANY) STRICT;
CREATE TABLE late (id INTEGER PRIMARY KEY, price INTEGER REFERENCES price (id) DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX price_word ON price (word COLLATE RTRIM DESC) WHERE amount > 1;
CREATE TRIGGER noted AFTER UPDATE ON price BEGIN UPDATE price SET word = 'x' WHERE id = NEW.id; END;
CREATE VIEW dear AS SELECT * FROM price WHERE amount > 1;
INSERT INTO price VALUES (1, 1.1, 'Abc'), (2, 7, 'def'), (3, 0.25, NULL);
INSERT INTO key_only VALUES ('a', 1), ('b', NULL);
INSERT INTO strict_one VALUES (1, 2, 'x', 'y');
INSERT INTO late VALUES (1, 2);
"""
