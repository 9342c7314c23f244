"""Questions to PostgreSQL's catalogue about collations and types, and the statements that make them."""

from __future__ import annotations

from infra.connectors.postgresql.catalog_queries import IS_TABLE, NOT_OF_EXTENSION
from infra.connectors.postgresql.catalog_spelling import HERE, found_as, shown, spelled

_OWN_TYPE = NOT_OF_EXTENSION.format(catalog="pg_type", oid="t.oid")


def _collated(collation: str, type_: str) -> str:
    """Return the SQL for the COLLATE of something of a type; empty where it is the type's own."""
    return f"""coalesce((SELECT ' COLLATE ' || {collation}::regcollation FROM pg_type b
           WHERE b.oid = {type_} AND {collation} NOT IN (0, b.typcollation)), '')"""


COLLATIONS = f"""
SELECT 'collation' AS kind, {shown("n.nspname", "k.collname")} AS name,
       'CREATE COLLATION IF NOT EXISTS ' || {spelled("n.nspname", "k.collname")} || ' (PROVIDER = '
       || CASE k.collprovider WHEN 'i' THEN 'icu' ELSE 'libc' END
       || CASE WHEN k.collprovider = 'i' THEN ', LOCALE = ' || quote_literal(coalesce(
              to_jsonb(k) ->> 'colllocale', to_jsonb(k) ->> 'colliculocale', k.collcollate))
          ELSE ', LC_COLLATE = ' || quote_literal(k.collcollate) || ', LC_CTYPE = ' || quote_literal(k.collctype) END
       || CASE WHEN k.collisdeterministic THEN '' ELSE ', DETERMINISTIC = false' END || ')' AS definition
FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace
WHERE {HERE} AND {NOT_OF_EXTENSION.format(catalog="pg_collation", oid="k.oid")} ORDER BY k.oid
"""

_TYPE = spelled("n.nspname", "t.typname")

TYPES = f"""
WITH RECURSIVE needed(oid) AS (
    SELECT a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {IS_TABLE} AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT inner_type.oid FROM needed JOIN pg_type t ON t.oid = needed.oid CROSS JOIN LATERAL (
        SELECT t.typelem WHERE t.typelem <> 0
        UNION ALL SELECT t.typbasetype WHERE t.typbasetype <> 0
        UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
        UNION ALL SELECT a.atttypid FROM pg_attribute a
                  WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) inner_type(oid))
SELECT CASE t.typtype WHEN 'e' THEN 'enum type' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type'
            ELSE 'composite type' END AS kind,
       {shown("n.nspname", "t.typname")} AS name,
       CASE t.typtype
       WHEN 'e' THEN 'CREATE TYPE ' || {_TYPE} || ' AS ENUM (' ||
           coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
            FROM pg_enum e WHERE e.enumtypid = t.oid), '') || ')'
       WHEN 'd' THEN 'CREATE DOMAIN ' || {_TYPE} || ' AS ' || format_type(t.typbasetype, t.typtypmod)
           || {_collated("t.typcollation", "t.typbasetype")}
           || coalesce(' DEFAULT ' || t.typdefault, '') || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
           || coalesce((SELECT string_agg(' CONSTRAINT ' || quote_ident(con.conname) || ' '
                  || pg_get_constraintdef(con.oid), '' ORDER BY con.conname)
              FROM pg_constraint con WHERE con.contypid = t.oid AND con.contype = 'c' AND con.convalidated), '')
       WHEN 'r' THEN (SELECT 'CREATE TYPE ' || {_TYPE} || ' AS RANGE (' || concat_ws(', ',
              'SUBTYPE = ' || format_type(r.rngsubtype, NULL),
              'SUBTYPE_OPCLASS = ' || (SELECT {found_as("pg_opclass_is_visible(o.oid)", "x.nspname", "o.opcname")}
                  FROM pg_opclass o JOIN pg_namespace x ON x.oid = o.opcnamespace
                  WHERE o.oid = r.rngsubopc AND NOT o.opcdefault),
              'COLLATION = ' || nullif(r.rngcollation, 0)::regcollation,
              'SUBTYPE_DIFF = ' || nullif(r.rngsubdiff, 0)::regproc,
              'MULTIRANGE_TYPE_NAME = ' || (SELECT {spelled("x.nspname", "m.typname")}
                  FROM pg_type m JOIN pg_namespace x ON x.oid = m.typnamespace
                  WHERE m.oid = (to_jsonb(r) ->> 'rngmultitypid')::oid)) || ')'
           FROM pg_range r WHERE r.rngtypid = t.oid AND r.rngcanonical = 0)
       ELSE 'CREATE TYPE ' || {_TYPE} || ' AS (' ||
           coalesce((SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                     || {_collated("a.attcollation", "a.atttypid")}, ', ' ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '') || ')'
       END AS definition
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE ({HERE} OR t.oid IN (SELECT oid FROM needed)) AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND
       (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) = 'c') AND {_OWN_TYPE}
ORDER BY t.oid
"""

DOMAIN_CONSTRAINTS = f"""
SELECT 'domain constraint' AS kind, {shown("n.nspname", "t.typname")} || '.' || con.conname AS name,
       'ALTER DOMAIN ' || {_TYPE} || ' ADD CONSTRAINT ' || quote_ident(con.conname) || ' '
       || pg_get_constraintdef(con.oid) AS definition
FROM pg_constraint con JOIN pg_type t ON t.oid = con.contypid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE {HERE} AND con.contype = 'c' AND NOT con.convalidated AND {_OWN_TYPE} ORDER BY n.nspname, t.typname, con.conname
"""
"""Constraints of domains that values may break which were there before; CREATE DOMAIN takes no such."""
