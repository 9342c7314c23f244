"""Questions to PostgreSQL's catalogue about all that is no table, sequence or view, and the statements that make it.

Each takes the schemas' names as `$1` and the default one as `$2`, and answers with kind, name and
definition. What lives in the default schema is spelled without it, so that it can be made in
another default schema. A definition is empty where there is no statement that makes the same.
"""

from __future__ import annotations

from infra.connectors.postgresql.catalog_queries import IS_TABLE, NOT_OF_EXTENSION, OWN_CLASS
from infra.connectors.postgresql.catalog_settings import RIGHTS, SETTINGS, TABLESPACES
from infra.connectors.postgresql.catalog_spelling import HERE, RELATION, SHOWN_RELATION, shown, spelled, without_schema
from infra.connectors.postgresql.catalog_types import COLLATIONS, DOMAIN_CONSTRAINTS, TYPES

_OWN_ROUTINE = NOT_OF_EXTENSION.format(catalog="pg_proc", oid="p.oid")

SCHEMAS = """
SELECT 'schema' AS kind, n.nspname::text AS name, 'CREATE SCHEMA IF NOT EXISTS ' || quote_ident(n.nspname) AS definition
FROM pg_namespace n WHERE n.nspname = ANY($1::text[]) AND n.nspname <> $2::text ORDER BY n.nspname
"""

EXTENSIONS = """
SELECT 'extension' AS kind, e.extname::text AS name,
       'CREATE EXTENSION IF NOT EXISTS ' || quote_ident(e.extname)
       || CASE WHEN e.extrelocatable AND n.nspname <> $2::text AND n.nspname = ANY($1::text[])
               THEN ' SCHEMA ' || quote_ident(n.nspname) ELSE '' END AS definition
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname <> 'plpgsql' ORDER BY e.oid
"""


_ARGUMENTS = "'(' || pg_get_function_identity_arguments(p.oid) || ')'"

ROUTINES = f"""
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS kind,
       {shown("n.nspname", "p.proname")} || {_ARGUMENTS} AS name,
       {without_schema("pg_get_functiondef(p.oid)")} AS definition
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE {HERE} AND p.prokind <> 'a' AND {_OWN_ROUTINE}
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                  AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'i')
ORDER BY p.oid
"""

AGGREGATES = f"""
SELECT 'aggregate' AS kind, {shown("n.nspname", "p.proname")} || {_ARGUMENTS} AS name,
       'CREATE AGGREGATE ' || {spelled("n.nspname", "p.proname")} || '('
       || coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*') || ') ('
       || concat_ws(', ', 'SFUNC = ' || g.aggtransfn::regproc, 'STYPE = ' || format_type(g.aggtranstype, NULL),
              'FINALFUNC = ' || nullif(g.aggfinalfn, 0)::regproc,
              CASE WHEN g.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
              'COMBINEFUNC = ' || nullif(g.aggcombinefn, 0)::regproc,
              'SERIALFUNC = ' || nullif(g.aggserialfn, 0)::regproc,
              'DESERIALFUNC = ' || nullif(g.aggdeserialfn, 0)::regproc,
              'INITCOND = ' || quote_literal(g.agginitval),
              'MSFUNC = ' || nullif(g.aggmtransfn, 0)::regproc,
              'MINVFUNC = ' || nullif(g.aggminvtransfn, 0)::regproc,
              'MSTYPE = ' || CASE WHEN g.aggmtranstype <> 0 THEN format_type(g.aggmtranstype, NULL) END,
              'MFINALFUNC = ' || nullif(g.aggmfinalfn, 0)::regproc,
              'MINITCOND = ' || quote_literal(g.aggminitval),
              'SORTOP = ' || nullif(g.aggsortop, 0)::regoperator,
              CASE WHEN g.aggkind = 'h' THEN 'HYPOTHETICAL' END,
              CASE p.proparallel WHEN 's' THEN 'PARALLEL = SAFE' WHEN 'r' THEN 'PARALLEL = RESTRICTED' END)
       || ')' AS definition
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_aggregate g ON g.aggfnoid = p.oid
WHERE {HERE} AND {_OWN_ROUTINE} ORDER BY p.oid
"""


def _fires(enabled: str, what: str, name: str) -> str:
    """Return the SQL for the statement that says when a trigger or rule fires."""
    return f"""'ALTER TABLE ' || {RELATION} || ' ' || CASE {enabled}
           WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END
       || ' {what} ' || quote_ident({name})"""


TRIGGERS = f"""
SELECT 'trigger' AS kind, {SHOWN_RELATION} || '.' || g.tgname AS name,
       concat_ws('; ', CASE WHEN p.oid IS NULL THEN pg_get_triggerdef(g.oid, true) END,
           CASE WHEN g.tgenabled <> coalesce(p.tgenabled, 'O') THEN {_fires("g.tgenabled", "TRIGGER", "g.tgname")} END)
       AS definition
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_trigger p ON p.oid = (to_jsonb(g) ->> 'tgparentid')::oid
WHERE {HERE} AND NOT g.tgisinternal AND (p.oid IS NULL OR g.tgenabled <> p.tgenabled)
ORDER BY cardinality(ARRAY(SELECT pg_partition_ancestors(c.oid))), n.nspname, c.relname, g.tgname
"""
"""Those of a partition that come from the table it is a part of are told only if they fire at other times."""

RULES = f"""
SELECT 'rule' AS kind, {SHOWN_RELATION} || '.' || w.rulename AS name,
       rtrim(pg_get_ruledef(w.oid), ';')
       || CASE WHEN w.ev_enabled <> 'O' THEN '; ' || {_fires("w.ev_enabled", "RULE", "w.rulename")} ELSE '' END
       AS definition
FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND w.rulename <> '_RETURN' ORDER BY n.nspname, c.relname, w.rulename
"""

POLICIES = f"""
SELECT 'row policy' AS kind, {SHOWN_RELATION} || '.' || p.polname AS name,
       'CREATE POLICY ' || quote_ident(p.polname) || ' ON ' || {RELATION}
       || ' AS ' || CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END
       || ' FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                   WHEN 'd' THEN 'DELETE' ELSE 'ALL' END
       || ' TO ' || (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
                     FROM unnest(p.polroles) role)
       || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
       || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') AS definition
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} ORDER BY n.nspname, c.relname, p.polname
"""

PARTITION_KEYS = f"""
SELECT 'partitioned table' AS kind, {SHOWN_RELATION} AS name,
       'PARTITION BY ' || pg_get_partkeydef(c.oid) AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {IS_TABLE} AND c.relkind = 'p' ORDER BY n.nspname, c.relname
"""

PARTITIONS = f"""
SELECT 'partition' AS kind, {SHOWN_RELATION} AS name,
       'CREATE TABLE ' || {RELATION} || ' PARTITION OF ' || {spelled("pn.nspname", "parent.relname")} || ' '
       || pg_get_expr(c.relpartbound, c.oid)
       || CASE WHEN c.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_inherits i ON i.inhrelid = c.oid
JOIN pg_class parent ON parent.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = parent.relnamespace
WHERE pn.nspname = ANY($1::text[]) AND c.relispartition AND c.relkind IN ('r', 'p') AND {OWN_CLASS}
ORDER BY cardinality(ARRAY(SELECT pg_partition_ancestors(c.oid))), n.nspname, c.relname
"""

INHERITANCE = f"""
SELECT 'inheritance' AS kind, {SHOWN_RELATION} || '.' || parent.relname AS name,
       'ALTER TABLE ' || {RELATION} || ' INHERIT ' || {spelled("pn.nspname", "parent.relname")} AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_inherits i ON i.inhrelid = c.oid
JOIN pg_class parent ON parent.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = parent.relnamespace
WHERE {IS_TABLE} AND c.relkind = 'r' ORDER BY n.nspname, c.relname, i.inhseqno
"""

SEQUENCE_OWNERS = f"""
SELECT 'sequence owner' AS kind, {SHOWN_RELATION} AS name,
       'ALTER SEQUENCE ' || {RELATION} || ' OWNED BY ' || {spelled("n.nspname", "t.relname")}
       || '.' || quote_ident(a.attname) AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.refclassid = 'pg_class'::regclass
     AND o.deptype = 'a' AND o.refobjsubid > 0
JOIN pg_class t ON t.oid = o.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = o.refobjsubid
LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
WHERE {HERE} AND c.relkind = 'S' AND {OWN_CLASS}
  AND (coalesce(pg_get_expr(d.adbin, d.adrelid), '') NOT LIKE 'nextval(%'
       OR (SELECT count(*) FROM pg_depend u WHERE u.refclassid = 'pg_class'::regclass AND u.refobjid = c.oid
             AND u.classid = 'pg_attrdef'::regclass) > 1) ORDER BY n.nspname, c.relname
"""
"""Sequences that belong to a column which they do not number, or not alone."""

FOREIGN_SERVERS = f"""
SELECT 'foreign server' AS kind, s.srvname::text AS name, '' AS definition FROM pg_foreign_server s
WHERE $1::text[] IS NOT NULL AND $2::text IS NOT NULL
  AND {NOT_OF_EXTENSION.format(catalog="pg_foreign_server", oid="s.oid")} ORDER BY s.srvname
"""

FOREIGN_TABLES = f"""
SELECT 'foreign table' AS kind, {SHOWN_RELATION} AS name, '' AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND c.relkind = 'f' AND {OWN_CLASS} ORDER BY n.nspname, c.relname
"""

EXCLUSIONS = f"""
SELECT 'exclusion constraint' AS kind, {SHOWN_RELATION} || '.' || con.conname AS name,
       'ALTER TABLE ' || {RELATION} || ' ADD CONSTRAINT ' || quote_ident(con.conname) || ' '
       || pg_get_constraintdef(con.oid) AS definition
FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {IS_TABLE} AND con.contype = 'x' ORDER BY n.nspname, c.relname, con.conname
"""

PARTITION_CONSTRAINTS = f"""
SELECT 'partition constraint' AS kind, {SHOWN_RELATION} || '.' || con.conname AS name,
       'ALTER TABLE ' || {RELATION} || ' ADD CONSTRAINT ' || quote_ident(con.conname) || ' '
       || pg_get_constraintdef(con.oid) AS definition
FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND c.relispartition AND con.contype IN ('p', 'u', 'f', 'c', 'x')
  AND con.conparentid = 0 AND con.coninhcount = 0
ORDER BY n.nspname, c.relname, con.contype <> 'p', con.conname
"""

OTHER_INDEXES = f"""
SELECT 'index' AS kind, {shown("n.nspname", "ic.relname")} AS name,
       {without_schema("pg_get_indexdef(i.indexrelid)")} AS definition
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class ic ON ic.oid = i.indexrelid
WHERE {HERE} AND (c.relkind = 'm' OR c.relispartition AND NOT ic.relispartition
      AND NOT EXISTS (SELECT FROM pg_constraint con WHERE con.conindid = i.indexrelid AND con.conrelid = i.indrelid))
ORDER BY n.nspname, ic.relname
"""

UNLOGGED = f"""
SELECT 'unlogged' AS kind, {SHOWN_RELATION} AS name, '' AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {HERE} AND c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY n.nspname, c.relname
"""

STATISTICS = f"""
SELECT 'statistics' AS kind, {shown("n.nspname", "x.stxname")} AS name,
       {without_schema("pg_get_statisticsobjdef(x.oid)")} AS definition
FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE {HERE} ORDER BY n.nspname, x.stxname
"""

_IDENTITY = """regexp_replace(o.identity, '(^|[ (,])' || quote_ident($2::text) || '\\.', '\\1', 'g')"""

COMMENTS = f"""
SELECT 'comment' AS kind, o.type || ' ' || {_IDENTITY} AS name,
       'COMMENT ON ' || CASE o.type WHEN 'table column' THEN 'COLUMN' WHEN 'view column' THEN 'COLUMN'
           WHEN 'materialized view column' THEN 'COLUMN' WHEN 'composite type' THEN 'TYPE'
           WHEN 'composite type column' THEN 'COLUMN'
           WHEN 'table constraint' THEN 'CONSTRAINT' WHEN 'domain constraint' THEN 'CONSTRAINT'
           WHEN 'statistics object' THEN 'STATISTICS' ELSE upper(o.type) END
       || ' ' || {_IDENTITY} || ' IS ' || quote_literal(m.description) AS definition
FROM pg_description m CROSS JOIN LATERAL pg_identify_object(m.classoid, m.objoid, m.objsubid) o
LEFT JOIN pg_class c ON m.classoid = 'pg_class'::regclass AND c.oid = m.objoid
WHERE m.objoid >= 16384 AND (o.schema IS NULL AND o.type IN ('schema', 'trigger', 'rule', 'policy', 'table constraint')
      OR o.schema IN (SELECT quote_ident(s) FROM unnest($1::text[]) s))
  AND (c.oid IS NULL OR c.relispartition OR c.relkind NOT IN ('r', 'p', 'f'))
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = m.classoid AND e.objid = m.objoid)
  AND (o.type <> 'schema' OR o.name IN (SELECT quote_ident(s) FROM unnest($1::text[]) s) AND o.name <> 'public')
ORDER BY 2
"""

_MADE_BY_USERS = "oid >= 16384"

LEFT_OVER = f"""
SELECT o.type AS kind, {_IDENTITY} AS name, '' AS definition FROM (
    SELECT 'pg_operator'::regclass AS classid, oid FROM pg_operator WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_am'::regclass, oid FROM pg_am WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_language'::regclass, oid FROM pg_language WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_transform'::regclass, oid FROM pg_transform WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_ts_parser'::regclass, oid FROM pg_ts_parser WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_ts_template'::regclass, oid FROM pg_ts_template WHERE {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
    UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication
    UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_default_acl'::regclass, oid FROM pg_default_acl
    UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typtype = 'b' AND typelem = 0 AND {_MADE_BY_USERS}
    UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata
) found CROSS JOIN LATERAL pg_identify_object(found.classid, found.oid, 0) o
WHERE (o.schema IS NULL OR o.schema IN (SELECT quote_ident(s) FROM unnest($1::text[]) s))
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.deptype IN ('e', 'i')
                  AND e.classid = found.classid AND e.objid = found.oid)
ORDER BY o.type, o.identity
"""
"""What no other question asks for: it is named in the report, so that nothing is left out in silence."""

_QUESTIONS = (
    *(SCHEMAS, EXTENSIONS, COLLATIONS, TYPES, ROUTINES, AGGREGATES, PARTITION_KEYS, PARTITIONS, PARTITION_CONSTRAINTS),
    *(
        INHERITANCE,
        SEQUENCE_OWNERS,
        *SETTINGS,
        TABLESPACES,
        UNLOGGED,
        FOREIGN_SERVERS,
        FOREIGN_TABLES,
        EXCLUSIONS,
        OTHER_INDEXES,
    ),
    *(RIGHTS, DOMAIN_CONSTRAINTS, STATISTICS, RULES, TRIGGERS, POLICIES, COMMENTS, LEFT_OVER),
)


def _together(queries: tuple[str, ...]) -> str:
    """Return one statement that answers all of them, one after the other."""
    owner, none = "q.owner", "''"
    parts = (
        f"SELECT {number} AS part, row_number() OVER () AS place, q.kind, q.name, q.definition,"
        f" {owner if query in SETTINGS else none} AS owner FROM ({query}) q"
        for number, query in enumerate(queries)
    )
    return f"SELECT kind, name, definition, owner FROM ({' UNION ALL '.join(parts)}) o ORDER BY part, place"


OTHERS = _together(_QUESTIONS)
"""Everything beside tables, sequences and views, in the order in which it could be made."""
