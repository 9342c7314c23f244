"""Test a connection: what the server is and which rights are there or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.connections.values import Endpoint, Probe, ProbeFinding, TlsMode
from infra.connectors.postgresql import session
from infra.connectors.postgresql.capabilities import LEDGER_SCHEMA
from infra.connectors.postgresql.catalog_queries import SCHEMAS
from infra.connectors.postgresql.failures import reported
from infra.connectors.postgresql.names import schema_of

if TYPE_CHECKING:
    import asyncpg

NAMES_SHOWN_MAX = 5

_NAME = "CASE WHEN n.nspname = $2::text THEN c.relname ELSE n.nspname || '.' || c.relname END"
_TABLES = """FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($1::text[]) AND c.relkind IN ('r', 'p')"""
_UNREADABLE = f"SELECT {_NAME} {_TABLES} AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY 1"
_FILTERED = f"SELECT {_NAME} {_TABLES} AND row_security_active(c.oid) ORDER BY 1"
_HAS_SCHEMA = "SELECT to_regnamespace(quote_ident($1)) IS NOT NULL"
_MAY_USE = "SELECT has_schema_privilege(quote_ident($1)::regnamespace, 'USAGE')"
_MAY_CREATE_TABLES = "SELECT has_schema_privilege(quote_ident($1)::regnamespace, 'CREATE')"
_MAY_CREATE_SCHEMAS = "SELECT has_database_privilege(current_database(), 'CREATE')"
_IS_READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean"
_USES_TLS = "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)"


async def probe(endpoint: Endpoint, *, writable: bool) -> Probe:
    """Connect and look at every right that a copy needs.

    Raises:
        ConnectFailed: no session could be opened.
    """
    async with session.connected(endpoint) as connection:
        with reported(f"{endpoint.label} could not be tested"):
            version = str(await connection.fetchval("SHOW server_version"))
            findings = [await _tls(connection, endpoint)]
            findings += await (_writing(connection, endpoint) if writable else _reading(connection, endpoint))
    return Probe(version, tuple(findings))


async def _tls(connection: asyncpg.Connection, endpoint: Endpoint) -> ProbeFinding:
    encrypted = await connection.fetchval(_USES_TLS)
    wanted = endpoint.tls is not TlsMode.DISABLE and not endpoint.host.startswith("/")
    return ProbeFinding("Encryption as asked for", encrypted or not wanted, "Enable TLS on the server (ssl = on).")


async def _reading(connection: asyncpg.Connection, endpoint: Endpoint) -> list[ProbeFinding]:
    """Look at the endpoint's schema, or at all that users made if it names none."""
    schema, user = endpoint.schema, endpoint.username
    if schema and not await connection.fetchval(_HAS_SCHEMA, schema):
        return [ProbeFinding("Schema exists", passed=False, advice=f"There is no schema {schema}; name another one.")]
    names = [schema] if schema else [row["name"] for row in await connection.fetch(SCHEMAS)]
    unusable = [name for name in names if not await connection.fetchval(_MAY_USE, name)]
    usable = [name for name in names if name not in unusable]
    default = schema_of(endpoint)
    unreadable = [row[0] for row in await connection.fetch(_UNREADABLE, usable, default)]
    filtered = [row[0] for row in await connection.fetch(_FILTERED, usable, default)]
    return [
        ProbeFinding("Schema exists", passed=True),
        ProbeFinding("Right to use the schema", not unusable, f"GRANT USAGE ON SCHEMA {_some(unusable)} TO {user};"),
        ProbeFinding(
            "Right to read every table",
            not unreadable,
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {_some(usable)} TO {user}; (missing: {_some(unreadable)})",
        ),
        ProbeFinding(
            "No rows hidden by policies",
            not filtered,
            f"Use a user with BYPASSRLS; policies hide rows of: {_some(filtered)}",
        ),
    ]


async def _writing(connection: asyncpg.Connection, endpoint: Endpoint) -> list[ProbeFinding]:
    schema, user = schema_of(endpoint), endpoint.username
    may_create_schemas = bool(await connection.fetchval(_MAY_CREATE_SCHEMAS))
    has_schema = await connection.fetchval(_HAS_SCHEMA, schema)
    may_create_tables = await connection.fetchval(_MAY_CREATE_TABLES, schema) if has_schema else may_create_schemas
    has_ledger = await connection.fetchval(_HAS_SCHEMA, LEDGER_SCHEMA)
    encoding = connection.get_settings().server_encoding
    return [
        ProbeFinding(
            "Server accepts writes",
            not await connection.fetchval(_IS_READ_ONLY),
            "This is a standby or a read-only server; name the primary.",
        ),
        ProbeFinding("Right to create tables", may_create_tables, f"GRANT CREATE, USAGE ON SCHEMA {schema} TO {user};"),
        ProbeFinding(
            "Right to create the ledger's schema",
            may_create_schemas or has_ledger,
            f"GRANT CREATE ON DATABASE {endpoint.database} TO {user};",
        ),
        ProbeFinding(
            "Database keeps text as UTF-8",
            session.writes_utf8(connection),
            f"The database's encoding is {encoding}; characters outside it will be refused. Create it with UTF8.",
        ),
    ]


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN_MAX])
    return f"{shown} and {len(names) - NAMES_SHOWN_MAX} more" if len(names) > NAMES_SHOWN_MAX else shown
