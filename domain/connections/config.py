"""From what people type to a connection's settled place, by rules that depend on the kind of database."""

from __future__ import annotations

import codecs
import ipaddress
import re
from dataclasses import dataclass, fields, replace
from typing import Annotated, ClassVar

from annotated_types import Interval, Len

from domain.connections.values import ConnectionConfig, CsvFormat, Engine, TlsMode
from domain.kernel.errors import ValidationFailed
from domain.kernel.messages import Request
from domain.kernel.values import Secret

_PORTS = {Engine.POSTGRESQL: 5432, Engine.MYSQL: 3306}

_HOST = re.compile(r"[A-Za-z0-9._:-]{1,255}")
"""Names and addresses. No slash: to a driver that means a Unix socket, and those of this machine are not for users."""

_SERVER_NEEDS = ("host", "database", "username")
_SERVER_FIELDS = (*_SERVER_NEEDS, "port", "tls")
_FILE_FIELDS = ("path",)


@dataclass(frozen=True, kw_only=True)
class CsvFormatInput:
    """How the CSV files of a folder are written. The defaults are what RFC 4180 describes."""

    __pydantic_config__: ClassVar[dict[str, object]] = Request.__pydantic_config__

    delimiter: Annotated[str, Len(1, 1)] = ","
    """What stands between two fields: one ASCII character."""
    quote: Annotated[str, Len(0, 1)] = '"'
    """What stands around a field that holds a delimiter, a quote or a line break; empty if nothing does."""
    encoding: Annotated[str, Len(1, 40)] = "utf-8"
    """The name of the files' encoding, as Python knows it."""
    header: bool = True
    """Whether the first record of a file names its columns."""
    null: Annotated[str, Len(0, 20)] = ""
    """The unquoted field that stands for NULL. Quoted, it is a text like any other."""

    def format(self) -> CsvFormat:
        """Return what was asked for.

        Raises:
            ValidationFailed: such files could not be read.
        """
        return checked(CsvFormat(**{field.name: getattr(self, field.name) for field in fields(self)}))


def checked(csv: CsvFormat) -> CsvFormat:
    """Let only a format pass whose fields can be told apart.

    Raises:
        ValidationFailed: a delimiter or quote is no ASCII sign of its own, or the encoding is unknown.
    """
    for name, sign in (("delimiter", csv.delimiter), ("quote", csv.quote)):
        if sign and (not sign.isascii() or sign in "\r\n\0"):
            raise ValidationFailed(f"The {name} must be one ASCII character and no line break.", path=("config", "csv"))
    if csv.quote and csv.quote in csv.delimiter + csv.null:
        raise ValidationFailed("The quote must be neither the delimiter nor part of null.", path=("config", "csv"))
    if csv.delimiter in csv.null or set("\r\n") & set(csv.null):
        raise ValidationFailed("null must hold no delimiter and no line break.", path=("config", "csv"))
    try:
        is_text = codecs.lookup(csv.encoding)._is_text_encoding  # noqa: SLF001 - the only place that tells
    except (LookupError, ValueError):
        is_text = False
    if not is_text:
        raise ValidationFailed(
            "There is no such encoding; known are utf-8, latin-1, cp1252, utf-16, ...", path=("config", "csv")
        )
    return csv


@dataclass(frozen=True, kw_only=True)
class ConnectionConfigInput:
    """Where a database is. A server needs host, database and username; a file or folder needs path."""

    __pydantic_config__: ClassVar[dict[str, object]] = Request.__pydantic_config__

    host: Annotated[str, Len(1, 255)] | None = None
    """The server's name or address."""
    port: Annotated[int, Interval(ge=1, le=65_535)] | None = None
    """The server's TCP port; by default the usual one of its kind."""
    database: Annotated[str, Len(1, 100)] | None = None
    """The database on the server."""
    username: Annotated[str, Len(1, 100)] | None = None
    """The user to sign in as."""
    path: Annotated[str, Len(1, 1000)] | None = None
    """The file of an SQLite or DuckDB database, or the folder of CSV or Parquet files, within the server's folder for
    file databases."""
    schema: Annotated[str, Len(1, 100)] | None = None
    """The one schema to look at; by default the engine's own (`public`, `main`)."""
    tls: TlsMode | None = None
    """How the connection is protected; by default fully, and not at all to the machine Wherry runs on."""
    csv: CsvFormatInput | None = None
    """How the files of a CSV folder are written; by default as its manifest says, or RFC 4180."""
    connection_string: Annotated[Secret, Len(1, 2000)] | None = None
    """All of it as one text, such as `postgresql://user:password@host/database` or `Host=...;Database=...`. It is
    taken apart at once; a password in it is encrypted like one in `credentials`."""

    def joined_with(self, other: ConnectionConfigInput) -> ConnectionConfigInput:
        """Return both together.

        Raises:
            ValidationFailed: both say something of one field.
        """
        for field in fields(self):
            if getattr(self, field.name) is not None and getattr(other, field.name) is not None:
                raise ValidationFailed(f"{field.name} is given twice.", path=("config", field.name))
        said = {field.name: getattr(other, field.name) for field in fields(other)}
        return replace(self, **{name: value for name, value in said.items() if value is not None})


def settled(type_: Engine, wanted: ConnectionConfigInput) -> ConnectionConfig:
    """Return the whole config, with the defaults of that kind of database.

    Raises:
        ValidationFailed: a field is missing, does not belong to such a database, or is no host name.
    """
    needed, foreign = (_FILE_FIELDS, _SERVER_FIELDS) if type_.is_file else (_SERVER_NEEDS, _FILE_FIELDS)
    for name in needed:
        if getattr(wanted, name) is None:
            raise ValidationFailed(f"A {type_.value} connection needs {name}.", path=("config", name))
    for name in foreign:
        if getattr(wanted, name) is not None:
            raise ValidationFailed(f"A {type_.value} connection has no {name}.", path=("config", name))
    if wanted.csv is not None and type_ is not Engine.CSV:
        raise ValidationFailed(f"A {type_.value} connection has no csv.", path=("config", "csv"))
    if type_.is_folder and wanted.schema is not None:
        raise ValidationFailed(f"A {type_.value} connection has no schema.", path=("config", "schema"))
    if type_.is_file:
        csv = wanted.csv.format() if wanted.csv else None
        return ConnectionConfig(path=wanted.path or "", schema=wanted.schema or "", csv=csv)
    host = _host(wanted.host or "")
    return ConnectionConfig(
        host=host,
        port=wanted.port or _PORTS[type_],
        database=wanted.database or "",
        username=wanted.username or "",
        schema=wanted.schema or "",
        tls=wanted.tls or (TlsMode.DISABLE if _is_this_machine(host) else TlsMode.VERIFY_FULL),
    )


def require_server(type_: Engine) -> None:
    """Let only a kind of database pass that has passwords.

    Raises:
        ValidationFailed: it is a file.
    """
    if type_.is_file:
        raise ValidationFailed(f"{type_.value} is a file and has no password.", path=("credentials",))


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValidationFailed("host must be a name or an address, without slashes or spaces.", path=("config", "host"))
    return text


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
