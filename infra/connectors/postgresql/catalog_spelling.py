"""How questions to PostgreSQL's catalogue spell what they find: `$1` is the schemas' names, `$2` the default one."""

from __future__ import annotations

HERE = "n.nspname = ANY($1::text[])"


def shown(schema: str, name: str) -> str:
    """Return the SQL for a name as reports give it."""
    return f"CASE WHEN {schema} = $2::text THEN {name}::text ELSE {schema} || '.' || {name} END"


def found_as(is_visible: str, schema: str, name: str) -> str:
    """Return the SQL for a quoted name, with its schema unless it is found without."""
    return f"CASE WHEN {is_visible} THEN '' ELSE quote_ident({schema}) || '.' END || quote_ident({name})"


def spelled(schema: str, name: str) -> str:
    """Return the SQL for a quoted name, with its schema unless that is the default one."""
    return found_as(f"{schema} = $2::text", schema, name)


def options(given: str) -> str:
    """Return the SQL for options of the catalogue as statements take them."""
    return f"""(SELECT string_agg(split_part(o, '=', 1) || '=' || quote_literal(substr(o, strpos(o, '=') + 1)), ', ')
       FROM unnest({given}) o)"""


def without_schema(text: str) -> str:
    """Return the SQL for a statement without its first mention of the default schema, which some functions write."""
    prefix = "quote_ident(n.nspname) || '.'"
    return f"CASE WHEN n.nspname = $2::text THEN overlay({text} PLACING '' FROM strpos({text}, {prefix}) FOR length({prefix})) ELSE {text} END"  # noqa: E501 - one expression


RELATION = spelled("n.nspname", "c.relname")
SHOWN_RELATION = shown("n.nspname", "c.relname")
