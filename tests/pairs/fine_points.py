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
}
