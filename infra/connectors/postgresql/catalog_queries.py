"""Questions to PostgreSQL's catalogue about tables, sequences and views; they take the schemas' names as `$1`.

What an extension owns is left out: it comes and goes with its extension.
"""

from __future__ import annotations

from infra.connectors.postgresql.catalog_spelling import found_as, options

NOT_OF_EXTENSION = """NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = '{catalog}'::regclass AND e.objid = {oid})"""

OWN_CLASS = NOT_OF_EXTENSION.format(catalog="pg_class", oid="c.oid")

IS_TABLE = f"n.nspname = ANY($1::text[]) AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND {OWN_CLASS}"

SCHEMAS = f"""
SELECT n.nspname::text AS name, has_schema_privilege(n.oid, 'USAGE') AS usable FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_wherry', '_wherry_after')
  AND {NOT_OF_EXTENSION.format(catalog="pg_namespace", oid="n.oid")}
ORDER BY n.nspname
"""
"""Every schema that users made. It takes no parameter."""

TABLES = f"""
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       c.reltuples::float8 AS tuples,
       obj_description(c.oid, 'pg_class') AS comment,
       has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid) AS readable,
       CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid)
            ELSE (SELECT coalesce(sum(pg_table_size(p.relid)), 0)::bigint
                  FROM pg_partition_tree(c.oid) p WHERE p.isleaf) END AS size_bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {IS_TABLE} ORDER BY n.nspname, c.relname
"""

COLUMNS = f"""
SELECT a.attrelid::bigint AS table_oid, a.attnum::int AS number, a.attname::text AS name,
       format_type(a.atttypid, a.atttypmod) || coalesce(
           ' COLLATE ' || CASE WHEN a.attcollation <> t.typcollation THEN
               a.attcollation::regcollation END, '') AS native,
       CASE WHEN ac.collname NOT IN ('default', 'C', 'POSIX', 'ucs_basic') THEN ac.oid::regcollation::text ELSE '' END
           AS collation,
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
LEFT JOIN pg_collation ac ON ac.oid = a.attcollation
WHERE {IS_TABLE} AND a.attnum > 0 AND NOT a.attisdropped
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
       con.confdeltype::text AS on_delete, con.confupdtype::text AS on_update, con.convalidated AS validated,
       con.confmatchtype = 'f' AS match_full, NOT con.connoinherit AS inherited,
       ARRAY(SELECT a.attname::text FROM jsonb_array_elements_text(
                 coalesce(nullif(to_jsonb(con) -> 'confdelsetcols', 'null'), '[]')) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.number::int ORDER BY k.place) AS unset,
       ARRAY(SELECT a.attname::text FROM pg_index i CROSS JOIN generate_series(i.indnkeyatts, i.indnatts - 1) k
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
             WHERE i.indexrelid = con.conindid AND con.contype = 'p' ORDER BY k) AS include,
       concat_ws(' ', CASE WHEN con.condeferrable THEN 'DEFERRABLE' END,
                 CASE WHEN con.condeferred THEN 'INITIALLY DEFERRED' END) AS deferral,
       pg_get_expr(con.conbin, con.conrelid) AS expression
FROM pg_constraint con
JOIN pg_class c ON c.oid = con.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class r ON r.oid = con.confrelid
LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE {IS_TABLE} AND con.contype IN ('p', 'f', 'c') AND con.conparentid = 0
ORDER BY con.conrelid, con.conname
"""

_COLLATIONS = """(CASE WHEN a.attname IS NOT NULL THEN ARRAY[a.attcollation] ELSE (
    SELECT coalesce(nullif(array_agg(DISTINCT u.attcollation), '{}'), ARRAY['"default"'::regcollation::oid])
    FROM pg_depend d JOIN pg_attribute u ON u.attrelid = d.refobjid AND u.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass
      AND d.refobjid = i.indrelid AND u.attcollation <> 0) END)"""
"""The collations of the columns that a member of an index is made of: another one must be said."""

INDEXES = f"""
SELECT i.indrelid::bigint AS table_oid, ic.relname::text AS name, am.amname::text AS method, i.indisunique AS unique,
       EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = i.indexrelid AND con.contype = 'u') AS is_constraint,
       coalesce((SELECT concat_ws(' ', CASE WHEN con.condeferrable THEN 'DEFERRABLE' END,
                                  CASE WHEN con.condeferred THEN 'INITIALLY DEFERRED' END)
                 FROM pg_constraint con WHERE con.conindid = i.indexrelid AND con.contype = 'u'), '') AS deferral,
       coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_equal,
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
           array_agg((i.indoption[k] & 2) = 2 ORDER BY k) AS nulls_first,
           array_agg(concat_ws(' ',
               CASE WHEN i.indcollation[k] <> 0 AND ARRAY[i.indcollation[k]] <> {_COLLATIONS}
                    THEN 'COLLATE ' || i.indcollation[k]::regcollation END,
               CASE WHEN NOT o.opcdefault OR ia.attoptions IS NOT NULL THEN
                   {found_as("pg_opclass_is_visible(o.oid)", "onsp.nspname", "o.opcname")}
                   || coalesce(' (' || {options("ia.attoptions")} || ')', '') END) ORDER BY k)
               AS operator_classes
    FROM generate_series(0, i.indnkeyatts - 1) k
    JOIN pg_opclass o ON o.oid = i.indclass[k]
    JOIN pg_namespace onsp ON onsp.oid = o.opcnamespace
    JOIN pg_attribute ia ON ia.attrelid = i.indexrelid AND ia.attnum = k + 1
    LEFT JOIN pg_attribute a ON i.indkey[k] <> 0 AND a.attrelid = i.indrelid AND a.attnum = i.indkey[k]) parts ON true
WHERE {IS_TABLE} AND NOT i.indisprimary AND NOT i.indisexclusion
ORDER BY i.indrelid, ic.relname
"""

SEQUENCES = f"""
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, s.seqincrement AS increment,
       (SELECT count(*) FROM pg_depend u WHERE u.refclassid = 'pg_class'::regclass AND u.refobjid = c.oid
          AND u.classid = 'pg_attrdef'::regclass) > 1 AS shared,
       s.seqstart AS start, s.seqmin AS minimum, s.seqmax AS maximum, s.seqcycle AS cycle, s.seqcache AS cache,
       format_type(s.seqtypid, NULL) AS type,
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
WHERE n.nspname = ANY($1::text[]) AND {OWN_CLASS} ORDER BY n.nspname, c.relname
"""

VIEWS = f"""
SELECT c.oid::bigint AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind = 'm' AS materialized,
       rtrim(pg_get_viewdef(c.oid), '; ') AS definition,
       ARRAY(SELECT DISTINCT d.refobjid::bigint FROM pg_rewrite w
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                 AND d.refclassid = 'pg_class'::regclass
             WHERE w.ev_class = c.oid AND d.refobjid <> c.oid) AS uses
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1::text[]) AND c.relkind IN ('v', 'm') AND {OWN_CLASS} ORDER BY n.nspname, c.relname
"""
