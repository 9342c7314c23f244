"""Questions to PostgreSQL's catalogue about one schema. All take the schema's name as their only parameter.

What an extension owns is left out: it comes and goes with its extension.
"""

from __future__ import annotations

_NOT_OF_EXTENSION = """NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = '{catalog}'::regclass AND e.objid = {oid})"""

_OWN_CLASS = _NOT_OF_EXTENSION.format(catalog="pg_class", oid="c.oid")
_OWN_TYPE = _NOT_OF_EXTENSION.format(catalog="pg_type", oid="t.oid")
_OWN_ROUTINE = _NOT_OF_EXTENSION.format(catalog="pg_proc", oid="p.oid")

_IS_TABLE = f"n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND {_OWN_CLASS}"

TABLES = f"""
SELECT c.oid::bigint AS oid, c.relname::text AS name, c.relkind::text AS kind, c.reltuples::float8 AS tuples,
       obj_description(c.oid, 'pg_class') AS comment,
       has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid) AS readable,
       CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid)
            ELSE (SELECT coalesce(sum(pg_table_size(p.relid)), 0)::bigint
                  FROM pg_partition_tree(c.oid) p WHERE p.isleaf) END AS size_bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_IS_TABLE} ORDER BY c.relname
"""

COLUMNS = f"""
SELECT a.attrelid::bigint AS table_oid, a.attnum::int AS number, a.attname::text AS name,
       format_type(a.atttypid, a.atttypmod) || coalesce(
           ' COLLATE ' || CASE WHEN a.attcollation <> t.typcollation THEN
               (SELECT CASE WHEN pg_collation_is_visible(k.oid) THEN quote_ident(k.collname)
                       ELSE quote_ident(kn.nspname) || '.' || quote_ident(k.collname) END
                FROM pg_collation k JOIN pg_namespace kn ON kn.oid = k.collnamespace WHERE k.oid = a.attcollation)
           END, '') AS native,
       format_type(base.oid, base.modifier) AS spelling, bt.typname::text AS type_name,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = base.oid ORDER BY e.enumsortorder) AS labels,
       NOT (a.attnotnull OR t.typnotnull) AS nullable, pg_get_expr(d.adbin, d.adrelid) AS default,
       a.attidentity::text AS identity, a.attgenerated::text AS generated,
       col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
JOIN LATERAL (
    WITH RECURSIVE chain(oid, modifier, level) AS (
        SELECT a.atttypid, a.atttypmod, 0
        UNION ALL
        SELECT inner_type.typbasetype, inner_type.typtypmod, chain.level + 1
        FROM chain JOIN pg_type inner_type ON inner_type.oid = chain.oid AND inner_type.typtype = 'd')
    SELECT oid, modifier FROM chain ORDER BY level DESC LIMIT 1) base ON true
JOIN pg_type bt ON bt.oid = base.oid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE {_IS_TABLE} AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

CONSTRAINTS = f"""
SELECT con.conrelid::bigint AS table_oid, con.conname::text AS name, con.contype::text AS kind,
       ARRAY(SELECT a.attname::text FROM unnest(con.conkey) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.number ORDER BY k.place) AS columns,
       rn.nspname::text AS referenced_schema, r.relname::text AS referenced_table,
       ARRAY(SELECT a.attname::text FROM unnest(con.confkey) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = con.confrelid AND a.attnum = k.number ORDER BY k.place)
           AS referenced_columns,
       con.confdeltype::text AS on_delete, con.confupdtype::text AS on_update,
       pg_get_expr(con.conbin, con.conrelid) AS expression
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class r ON r.oid = con.confrelid
LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE {_IS_TABLE} AND con.contype IN ('p', 'f', 'c') AND con.conparentid = 0
ORDER BY con.conrelid, con.conname
"""

INDEXES = f"""
SELECT i.indrelid::bigint AS table_oid, ic.relname::text AS name, am.amname::text AS method, i.indisunique AS unique,
       EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = i.indexrelid AND con.contype = 'u') AS is_constraint,
       coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate, parts.*,
       ARRAY(SELECT a.attname::text FROM generate_series(i.indnkeyatts, i.indnatts - 1) k
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k] ORDER BY k) AS include
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_am am ON am.oid = ic.relam
JOIN LATERAL (
    SELECT array_agg(coalesce(a.attname::text, '') ORDER BY k) AS columns,
           array_agg(CASE WHEN a.attname IS NULL THEN pg_get_indexdef(i.indexrelid, k + 1, true) ELSE '' END ORDER BY k)
               AS expressions,
           array_agg((i.indoption[k] & 1) = 1 ORDER BY k) AS descending,
           array_agg(concat_ws(' ',
               CASE WHEN i.indcollation[k] <> 0 AND i.indcollation[k] IS DISTINCT FROM a.attcollation
                         AND a.attname IS NOT NULL
                    THEN 'COLLATE ' || i.indcollation[k]::regcollation END,
               CASE WHEN NOT o.opcdefault THEN
                   CASE WHEN pg_opclass_is_visible(o.oid) THEN quote_ident(o.opcname)
                        ELSE quote_ident(onsp.nspname) || '.' || quote_ident(o.opcname) END END) ORDER BY k)
               AS operator_classes
    FROM generate_series(0, i.indnkeyatts - 1) k
    JOIN pg_opclass o ON o.oid = i.indclass[k]
    JOIN pg_namespace onsp ON onsp.oid = o.opcnamespace
    LEFT JOIN pg_attribute a ON i.indkey[k] <> 0 AND a.attrelid = i.indrelid AND a.attnum = i.indkey[k]) parts ON true
WHERE {_IS_TABLE} AND NOT i.indisprimary AND NOT i.indisexclusion
ORDER BY i.indrelid, ic.relname
"""

SEQUENCES = f"""
SELECT c.oid::bigint AS oid, c.relname::text AS name, s.seqincrement AS increment, s.seqstart AS start,
       has_sequence_privilege(c.oid, 'SELECT') AS readable,
       owner.table_oid, owner.column_number, owner.table_name, owner.column_name
FROM pg_sequence s
JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT d.refobjid::bigint AS table_oid, d.refobjsubid AS column_number,
           CASE WHEN has_table_privilege(d.refobjid, 'SELECT') AND NOT row_security_active(d.refobjid)
                THEN format('%I.%I', tn.nspname, t.relname) END AS table_name,
           quote_ident(a.attname) AS column_name
    FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') LIMIT 1) owner ON true
WHERE n.nspname = $1 AND {_OWN_CLASS} ORDER BY c.relname
"""

VIEWS = f"""
SELECT c.oid::bigint AS oid, c.relname::text AS name, c.relkind = 'm' AS materialized,
       rtrim(pg_get_viewdef(c.oid), '; ') AS definition,
       ARRAY(SELECT DISTINCT d.refobjid::bigint FROM pg_rewrite w
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                 AND d.refclassid = 'pg_class'::regclass
             WHERE w.ev_class = c.oid AND d.refobjid <> c.oid) AS uses
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('v', 'm') AND {_OWN_CLASS} ORDER BY c.relname
"""

EXTENSIONS = """
SELECT 'extension' AS kind, extname::text AS name,
       'CREATE EXTENSION IF NOT EXISTS ' || quote_ident(extname) AS definition
FROM pg_extension WHERE extname <> 'plpgsql' AND $1::text IS NOT NULL ORDER BY extname
"""

COLLATIONS = """
SELECT 'collation' AS kind, k.collname::text AS name, '' AS definition
FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace
WHERE n.nspname = $1 ORDER BY k.collname
"""

TYPES = f"""
SELECT CASE t.typtype WHEN 'e' THEN 'enum type' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type'
            ELSE 'composite type' END AS kind,
       t.typname::text AS name,
       CASE t.typtype
       WHEN 'e' THEN 'CREATE TYPE ' || quote_ident(t.typname) || ' AS ENUM (' ||
           (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
            FROM pg_enum e WHERE e.enumtypid = t.oid) || ')'
       WHEN 'd' THEN 'CREATE DOMAIN ' || quote_ident(t.typname) || ' AS ' || format_type(t.typbasetype, t.typtypmod)
           || coalesce(' DEFAULT ' || t.typdefault, '') || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
           || coalesce((SELECT string_agg(' CONSTRAINT ' || quote_ident(con.conname) || ' '
                  || pg_get_constraintdef(con.oid), '' ORDER BY con.conname)
              FROM pg_constraint con WHERE con.contypid = t.oid AND con.contype = 'c'), '')
       WHEN 'r' THEN (SELECT 'CREATE TYPE ' || quote_ident(t.typname) || ' AS RANGE (SUBTYPE = '
              || format_type(r.rngsubtype, NULL)
              || CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::regproc ELSE '' END || ')'
           FROM pg_range r WHERE r.rngtypid = t.oid)
       ELSE 'CREATE TYPE ' || quote_ident(t.typname) || ' AS (' ||
           coalesce((SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', '
                     ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '') || ')'
       END AS definition
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = $1 AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND
      (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') AND {_OWN_TYPE}
ORDER BY t.oid
"""

_FUNCTION = "pg_get_functiondef(p.oid)"
_VIEW_INDEX = "pg_get_indexdef(i.indexrelid)"
_WITHOUT_SCHEMA = """overlay({text} PLACING '' FROM strpos({text}, quote_ident(n.nspname) || '.')
    FOR length(quote_ident(n.nspname)) + 1)"""
"""A statement without its first mention of the schema, which these catalogue functions always write."""

ROUTINES = f"""
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
       p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name,
       CASE WHEN p.prokind <> 'a' THEN {_WITHOUT_SCHEMA.format(text=_FUNCTION)} ELSE '' END AS definition
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $1 AND {_OWN_ROUTINE} ORDER BY p.oid
"""

TRIGGERS = """
SELECT 'trigger' AS kind, c.relname || '.' || g.tgname AS name, pg_get_triggerdef(g.oid, true) AS definition
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND NOT g.tgisinternal AND NOT c.relispartition ORDER BY c.relname, g.tgname
"""

RULES = """
SELECT 'rule' AS kind, c.relname || '.' || w.rulename AS name, rtrim(pg_get_ruledef(w.oid), ';') AS definition
FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND w.rulename <> '_RETURN' ORDER BY c.relname, w.rulename
"""

POLICIES = """
SELECT 'row policy' AS kind, c.relname || '.' || p.polname AS name, '' AS definition
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 ORDER BY c.relname, p.polname
"""

PARTITIONS = f"""
SELECT 'partition' AS kind, c.relname::text AS name,
       'CREATE TABLE ' || quote_ident(c.relname) || ' PARTITION OF ' || i.inhparent::regclass || ' '
       || pg_get_expr(c.relpartbound, c.oid)
       || CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE n.nspname = $1 AND c.relispartition AND c.relkind IN ('r', 'p') AND {_OWN_CLASS}
ORDER BY c.oid
"""

PARTITION_KEYS = f"""
SELECT 'partitioned table' AS kind, c.relname::text AS name, 'PARTITION BY ' || pg_get_partkeydef(c.oid) AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_IS_TABLE} AND c.relkind = 'p' ORDER BY c.relname
"""

FOREIGN_TABLES = f"""
SELECT 'foreign table' AS kind, c.relname::text AS name, '' AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'f' AND {_OWN_CLASS} ORDER BY c.relname
"""

EXCLUSIONS = f"""
SELECT 'exclusion constraint' AS kind, c.relname || '.' || con.conname AS name,
       'ALTER TABLE ' || c.oid::regclass || ' ADD CONSTRAINT ' || quote_ident(con.conname) || ' '
       || pg_get_constraintdef(con.oid) AS definition
FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_IS_TABLE} AND con.contype = 'x' ORDER BY c.relname, con.conname
"""

VIEW_INDEXES = f"""
SELECT 'index' AS kind, ic.relname::text AS name, {_WITHOUT_SCHEMA.format(text=_VIEW_INDEX)} AS definition
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class ic ON ic.oid = i.indexrelid
WHERE n.nspname = $1 AND c.relkind = 'm' ORDER BY ic.relname
"""

OTHERS = (
    *(EXTENSIONS, COLLATIONS, TYPES, ROUTINES, PARTITION_KEYS, PARTITIONS, FOREIGN_TABLES, EXCLUSIONS),
    *(RULES, TRIGGERS, POLICIES, VIEW_INDEXES),
)
"""Everything beside tables, sequences and views, in the order in which it could be made: kind, name, definition."""
