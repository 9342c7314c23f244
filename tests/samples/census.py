"""How many objects of each kind a database holds, counted in its catalogue without our own description of it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing

from domain.connections.values import Endpoint
from domain.migrations.schema_plan import ObjectKind
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

Census = Counter[frozenset[ObjectKind]]
"""Objects by kind; kinds that one thing may be counted as stand together."""

_POSTGRESQL = """
WITH s AS (SELECT oid FROM pg_namespace n WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', '_wherry')
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' AND d.classid = 'pg_namespace'::regclass
                           AND d.objid = n.oid)),
e AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
c AS (SELECT * FROM pg_class WHERE relnamespace IN (SELECT oid FROM s)
      AND NOT EXISTS (SELECT FROM e WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid)),
t AS (SELECT * FROM c WHERE relkind IN ('r', 'p') AND NOT relispartition),
a AS (SELECT * FROM pg_attribute WHERE attrelid IN (SELECT oid FROM t) AND attnum > 0 AND NOT attisdropped)
SELECT 'TABLE', count(*) FROM t UNION ALL SELECT 'COLUMN', count(*) FROM a
UNION ALL SELECT 'DEFAULT,IDENTITY', count(*) FROM a WHERE attidentity <> '' OR atthasdef AND attgenerated = ''
UNION ALL SELECT 'SEQUENCE,IDENTITY', count(*) FROM c WHERE relkind = 'S'
UNION ALL SELECT 'VIEW', count(*) FROM c WHERE relkind IN ('v', 'm')
UNION ALL SELECT 'PRIMARY_KEY', count(*) FROM pg_constraint WHERE contype = 'p' AND conrelid IN (SELECT oid FROM t)
UNION ALL SELECT 'FOREIGN_KEY', count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
    AND conrelid IN (SELECT oid FROM t)
UNION ALL SELECT 'CHECK', count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid IN (SELECT oid FROM t)
UNION ALL SELECT 'INDEX', count(*) FROM pg_index i WHERE NOT indisprimary AND NOT indisexclusion
    AND (indrelid IN (SELECT oid FROM t) OR indrelid IN (SELECT oid FROM c WHERE relkind = 'm'))
UNION ALL SELECT 'TRIGGER', count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0
    AND tgrelid IN (SELECT oid FROM c)
UNION ALL SELECT 'TYPE', count(*) FROM pg_type y WHERE typnamespace IN (SELECT oid FROM s)
    AND (typtype IN ('e', 'd', 'r') OR typtype = 'c' AND typrelid IN (SELECT oid FROM pg_class WHERE relkind = 'c'))
    AND NOT EXISTS (SELECT FROM e WHERE classid = 'pg_type'::regclass AND objid = y.oid)
UNION ALL SELECT 'ROUTINE', count(*) FROM pg_proc p WHERE pronamespace IN (SELECT oid FROM s)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                    AND d.deptype IN ('e', 'i'))
UNION ALL SELECT 'SCHEMA', count(*) - 1 FROM s
UNION ALL SELECT 'OTHER', (SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql')
    + (SELECT count(*) FROM c WHERE relispartition AND relkind IN ('r', 'p'))
    + (SELECT count(*) FROM t WHERE relkind = 'p')
    + (SELECT count(*) FROM pg_rewrite WHERE rulename <> '_RETURN' AND ev_class IN (SELECT oid FROM c))
    + (SELECT count(*) FROM pg_constraint WHERE contype = 'x' AND conrelid IN (SELECT oid FROM t))
    + (SELECT count(*) FROM pg_inherits WHERE inhrelid IN (SELECT oid FROM t))
    + (SELECT count(*) FROM pg_operator WHERE oid >= 16384 AND oprnamespace IN (SELECT oid FROM s)
       AND NOT EXISTS (SELECT FROM e WHERE classid = 'pg_operator'::regclass AND objid = pg_operator.oid))
    + (SELECT count(*) FROM c WHERE relkind = 'r' AND reloptions IS NOT NULL)
"""

_MYSQL = """
WITH t AS (SELECT * FROM information_schema.tables WHERE table_schema = DATABASE())
SELECT 'TABLE', count(*) FROM t WHERE table_type = 'BASE TABLE'
UNION ALL SELECT 'COLUMN', count(*) FROM information_schema.columns WHERE table_schema = DATABASE()
    AND table_name IN (SELECT table_name FROM t WHERE table_type = 'BASE TABLE')
UNION ALL SELECT 'VIEW', count(*) FROM t WHERE table_type = 'VIEW'
UNION ALL SELECT 'SEQUENCE', count(*) FROM t WHERE table_type = 'SEQUENCE'
UNION ALL SELECT 'INDEX', count(DISTINCT table_name, index_name) FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND index_name <> 'PRIMARY'
UNION ALL SELECT REPLACE(constraint_type, ' ', '_'), count(*) FROM information_schema.table_constraints
    WHERE table_schema = DATABASE() AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY') GROUP BY 1
UNION ALL SELECT 'CHECK', count(*) FROM information_schema.check_constraints
    WHERE constraint_schema = DATABASE() AND check_clause NOT LIKE 'json_valid(%'
UNION ALL SELECT 'TRIGGER', count(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE()
UNION ALL SELECT 'ROUTINE', count(*) FROM information_schema.routines WHERE routine_schema = DATABASE()
UNION ALL SELECT 'OTHER', (SELECT count(*) FROM information_schema.events WHERE event_schema = DATABASE())
    + (SELECT count(*) FROM t WHERE create_options LIKE '%partitioned%')
    + (SELECT count(*) FROM t WHERE table_type = 'BASE TABLE' AND engine <> 'InnoDB')
"""

_SQLITE = """
WITH t AS (SELECT * FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%')
SELECT 'TABLE', count(*) FROM t
UNION ALL SELECT 'VIEW', count(*) FROM sqlite_schema WHERE type = 'view'
UNION ALL SELECT 'TRIGGER', count(*) FROM sqlite_schema WHERE type = 'trigger'
UNION ALL SELECT 'COLUMN', count(*) FROM t, pragma_table_xinfo(t.name)
UNION ALL SELECT 'INDEX', count(*) FROM t, pragma_index_list(t.name) i WHERE i.origin <> 'pk'
UNION ALL SELECT 'FOREIGN_KEY,OTHER', count(DISTINCT t.name || '/' || k.id) FROM t, pragma_foreign_key_list(t.name) k
"""


def of_postgresql(server: PostgresqlServer, endpoint: Endpoint) -> Census:
    """Count the objects of a PostgreSQL database."""
    return _census(line.split("|") for line in server.run(_POSTGRESQL, endpoint.database).splitlines())


def of_mysql(server: MysqlServer, endpoint: Endpoint) -> Census:
    """Count the objects of a MariaDB database."""
    return _census(map(str, row) for row in server.run(_MYSQL, database=endpoint.database))


def of_sqlite(endpoint: Endpoint) -> Census:
    """Count the objects of a SQLite file."""
    with closing(sqlite3.connect(endpoint.path)) as connection:
        return _census(map(str, row) for row in connection.execute(_SQLITE))


def _census(rows: Iterable[Iterable[str]]) -> Census:
    return Counter({frozenset(map(ObjectKind, kinds.split(","))): int(count) for kinds, count in rows})
