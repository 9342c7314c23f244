"""Questions to PostgreSQL's catalogue about how tables, views, columns and indexes are set, beside what they hold.

They are asked like those of `catalog_others`, and answer also whose setting it is: the table's that was made
(a partition belongs to the one that is no partition) or the view's.
"""

from __future__ import annotations

from infra.connectors.postgresql.catalog_queries import IS_TABLE, NOT_OF_EXTENSION, OWN_CLASS
from infra.connectors.postgresql.catalog_spelling import HERE, RELATION, SHOWN_RELATION, options, shown

_COLUMN = f"{SHOWN_RELATION} || '.' || a.attname"
_ALTER_COLUMN = "'ALTER COLUMN ' || quote_ident(a.attname)"

STORAGE = f"""
SELECT 'storage parameters' AS kind, {SHOWN_RELATION} AS name,
       'ALTER ' || CASE c.relkind WHEN 'i' THEN 'INDEX ' WHEN 'm' THEN 'MATERIALIZED VIEW ' ELSE 'TABLE ' END
       || {RELATION} || ' SET (' || {options("parameters.of")} || ')' AS definition,
       coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = c.oid), c.oid) AS relation
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL (
    SELECT c.reloptions || ARRAY(SELECT 'toast.' || each FROM pg_class t CROSS JOIN unnest(t.reloptions) each
                                 WHERE t.oid = c.reltoastrelid) AS of) parameters
WHERE {HERE} AND c.relkind IN ('r', 'm', 'i') AND cardinality(parameters.of) > 0 AND {OWN_CLASS}
ORDER BY n.nspname, c.relname
"""

COLUMN_SETTINGS = f"""
SELECT 'column settings' AS kind, {_COLUMN} AS name,
       'ALTER TABLE ONLY ' || {RELATION} || ' ' || settings.of AS definition, c.oid AS relation
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid CROSS JOIN LATERAL (
    SELECT concat_ws(', ',
        CASE WHEN a.attstorage <> t.typstorage THEN {_ALTER_COLUMN} || ' SET STORAGE '
             || CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                ELSE 'EXTENDED' END END,
        {_ALTER_COLUMN} || ' SET COMPRESSION '
            || CASE to_jsonb(a) ->> 'attcompression' WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
        CASE WHEN a.attstattarget >= 0 THEN {_ALTER_COLUMN} || ' SET STATISTICS ' || a.attstattarget END,
        {_ALTER_COLUMN} || ' SET (' || {options("a.attoptions")} || ')') AS of) settings
WHERE {HERE} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND settings.of <> '' AND {OWN_CLASS}
ORDER BY n.nspname, c.relname, a.attnum
"""

PARTITION_COLUMNS = f"""
SELECT 'partition column' AS kind, {_COLUMN} AS name,
       'ALTER TABLE ' || {RELATION} || ' ' || concat_ws(', ',
           CASE WHEN own.said IS DISTINCT FROM above.said
                THEN {_ALTER_COLUMN} || coalesce(' SET DEFAULT ' || own.said, ' DROP DEFAULT') END,
           CASE WHEN a.attnotnull AND NOT p.attnotnull THEN {_ALTER_COLUMN} || ' SET NOT NULL' END) AS definition,
       c.oid AS relation
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_inherits i ON i.inhrelid = c.oid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname AND NOT p.attisdropped
CROSS JOIN LATERAL (SELECT (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
    WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum) AS said) own
CROSS JOIN LATERAL (SELECT (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d
    WHERE d.adrelid = p.attrelid AND d.adnum = p.attnum) AS said) above
WHERE {HERE} AND c.relkind IN ('r', 'p') AND c.relispartition AND {OWN_CLASS} AND a.attgenerated = ''
  AND (own.said IS DISTINCT FROM above.said OR a.attnotnull AND NOT p.attnotnull)
ORDER BY cardinality(ARRAY(SELECT pg_partition_ancestors(c.oid))), n.nspname, c.relname, a.attnum
"""
"""Defaults and NOT NULL of partitions that are not those of the table they are a part of."""

VIEW_OPTIONS = f"""
SELECT 'view options' AS kind, {SHOWN_RELATION} AS name,
       'ALTER VIEW ' || {RELATION} || ' SET (' || {options("c.reloptions")} || ')' AS definition, c.oid AS relation
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND c.relkind = 'v' AND c.reloptions IS NOT NULL AND {OWN_CLASS} ORDER BY n.nspname, c.relname
"""

VIEW_DEFAULTS = f"""
SELECT 'view default' AS kind, {_COLUMN} AS name, 'ALTER VIEW ' || {RELATION} || ' ' || {_ALTER_COLUMN}
       || ' SET DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) AS definition, c.oid AS relation
FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND c.relkind = 'v' AND {OWN_CLASS} ORDER BY n.nspname, c.relname, a.attnum
"""

TYPED_TABLES = f"""
SELECT 'typed table' AS kind, {SHOWN_RELATION} AS name,
       'ALTER TABLE ' || {RELATION} || ' OF ' || format_type(c.reloftype, NULL) AS definition, c.oid AS relation
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {IS_TABLE} AND c.reloftype <> 0 ORDER BY n.nspname, c.relname
"""

CLUSTERING = f"""
SELECT 'clustering' AS kind, {SHOWN_RELATION} AS name,
       'ALTER TABLE ' || {RELATION} || ' CLUSTER ON ' || quote_ident(ic.relname) AS definition, c.oid AS relation
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class ic ON ic.oid = i.indexrelid
WHERE {HERE} AND i.indisclustered AND {OWN_CLASS} ORDER BY n.nspname, c.relname
"""

REPLICA_IDENTITY = f"""
SELECT 'replica identity' AS kind, {SHOWN_RELATION} AS name, 'ALTER TABLE ONLY ' || {RELATION} || ' REPLICA IDENTITY '
       || CASE c.relreplident WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL'
          ELSE (SELECT 'USING INDEX ' || quote_ident(ic.relname)
                FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
                WHERE i.indrelid = c.oid AND i.indisreplident) END AS definition, c.oid AS relation
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND c.relkind IN ('r', 'p') AND c.relreplident <> 'd' AND {OWN_CLASS} ORDER BY n.nspname, c.relname
"""

ROW_SECURITY = f"""
SELECT CASE WHEN c.relforcerowsecurity THEN 'forced row security' ELSE 'row security' END AS kind,
       {SHOWN_RELATION} AS name,
       'ALTER TABLE ' || {RELATION} || ' ENABLE ROW LEVEL SECURITY' AS definition, c.oid AS relation
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND c.relrowsecurity AND c.relkind IN ('r', 'p') ORDER BY n.nspname, c.relname
"""

TABLESPACES = f"""
SELECT 'tablespace' AS kind, 'tablespace of ' || {SHOWN_RELATION} AS name, '' AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND c.reltablespace <> 0 AND c.relkind IN ('r', 'p', 'm', 'i', 'I') AND {OWN_CLASS}
ORDER BY n.nspname, c.relname
"""

RIGHTS = f"""
SELECT 'rights' AS kind, 'rights on ' || r.name AS name, '' AS definition FROM (
    SELECT {SHOWN_RELATION} AS name, c.relacl AS given,
           acldefault(CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner) AS usual
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {HERE} AND {OWN_CLASS}
    UNION ALL SELECT {SHOWN_RELATION} || '.' || a.attname, a.attacl, NULL
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE {HERE} AND a.attnum > 0 AND NOT a.attisdropped AND {OWN_CLASS}
    UNION ALL SELECT {shown("n.nspname", "p.proname")} || '(' || pg_get_function_identity_arguments(p.oid) || ')',
           p.proacl, acldefault('f', p.proowner)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE {HERE} AND {NOT_OF_EXTENSION.format(catalog="pg_proc", oid="p.oid")}
    UNION ALL SELECT {shown("n.nspname", "t.typname")}, t.typacl, acldefault('T', t.typowner)
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE {HERE} AND {NOT_OF_EXTENSION.format(catalog="pg_type", oid="t.oid")}
    UNION ALL SELECT 'schema ' || n.nspname, n.nspacl, acldefault('n', n.nspowner)
    FROM pg_namespace n WHERE {HERE} AND n.nspname <> 'public') r
WHERE r.given IS NOT NULL AND NOT (r.given <@ coalesce(r.usual, '{{}}') AND r.given @> coalesce(r.usual, '{{}}'))
ORDER BY r.name
"""
"""What somebody has granted or revoked; the rights that an owner and everybody have by themselves are not told."""


def _with_owner(query: str) -> str:
    owner = f"""SELECT {shown("o.nspname", "r.relname")} FROM pg_class r JOIN pg_namespace o ON o.oid = r.relnamespace
    WHERE r.oid = coalesce(pg_partition_root(q.relation)::oid, q.relation)"""
    return f"SELECT q.kind, q.kind || ' of ' || q.name AS name, q.definition, ({owner}) AS owner FROM ({query}) q"


SETTINGS = tuple(
    _with_owner(query)
    for query in (
        *(COLUMN_SETTINGS, PARTITION_COLUMNS, STORAGE, VIEW_OPTIONS, VIEW_DEFAULTS, TYPED_TABLES, CLUSTERING),
        *(REPLICA_IDENTITY, ROW_SECURITY),
    )
)
