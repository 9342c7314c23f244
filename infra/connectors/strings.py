"""Connection strings as tools give them out, read into typed fields by a strict list of options.

Two forms are understood: addresses (`postgresql://user:password@host/db?tls=require`) and pairs
(`Host=db.example.org;Database=shop;Username=ann;Password=...`), the latter with the spellings of
Npgsql, MySQL Connector and the SQLite and DuckDB providers of ADO.NET. An option that is not listed
is refused: drivers know options that read local files or weaken the protection of the wire.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from pydantic import ValidationError

from domain.connections.config import ConnectionConfigInput
from domain.connections.values import Engine, TlsMode
from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Secret
from infra.connectors.urls import csv_format, engine_named, parse_url
from infra.shapes import adapter

FIELD = ("config", "connectionString")

_SERVER_KEYS = {
    "host": "host",
    "server": "host",
    "datasource": "host",
    "port": "port",
    "database": "database",
    "initialcatalog": "database",
    "username": "username",
    "userid": "username",
    "user": "username",
    "uid": "username",
    "password": "password",
    "pwd": "password",
    "searchpath": "schema",
    "schema": "schema",
    "sslmode": "tls",
    "tls": "tls",
}
_FILE_KEYS = {"datasource": "path", "filename": "path", "path": "path", "folder": "path", "schema": "schema"}

_TLS = {
    "disable": TlsMode.DISABLE,
    "none": TlsMode.DISABLE,
    "disabled": TlsMode.DISABLE,
    "require": TlsMode.REQUIRE,
    "required": TlsMode.REQUIRE,
    "verifyfull": TlsMode.VERIFY_FULL,
    "verifyidentity": TlsMode.VERIFY_FULL,
}

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_PAIR = re.compile(r"""\s*([A-Za-z][A-Za-z _-]*?)\s*=\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[^;"']*?)\s*(?:;|$)""")


class StrictConnectionStrings:
    """Reads connection strings, and refuses what it does not know."""

    def read(self, type_: Engine, text: Secret) -> tuple[ConnectionConfigInput, Secret]:
        """Return the fields that a string names, and the password in it."""
        try:
            read = _address if _SCHEME.match(text.reveal()) else _pairs
            fields = read(type_, text.reveal())
            password = Secret(str(fields.pop("password", "")))
            config: ConnectionConfigInput = adapter(ConnectionConfigInput).validate_python(fields)
        except ValidationFailed as error:
            raise ValidationFailed(f"The connection string cannot be used: {error.message}", path=FIELD) from None
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
            name = ".".join(str(part) for part in fault["loc"])
            raise ValidationFailed(f"The connection string's {name}: {fault['msg']}.", path=FIELD) from None
        return config, password


def _address(type_: Engine, url: str) -> dict[str, object]:
    if engine_named(url.partition("://")[0]) is not type_:
        raise ValidationFailed(f"it is not one of a {type_.value} database")
    if type_.is_file:
        return _file_address(type_, url)
    endpoint = parse_url(url)
    return {
        "host": endpoint.host,
        "port": endpoint.port,
        "database": endpoint.database,
        "username": endpoint.username,
        "password": endpoint.password.reveal(),
        "schema": endpoint.schema or None,
        "tls": endpoint.tls if "tls" in parse_qs(urlsplit(url).query) else None,
    }


def _file_address(type_: Engine, url: str) -> dict[str, object]:
    """Read a file's address: three slashes and a path within the folder for file databases, or four and a whole one."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    csv = csv_format(options) if type_ is Engine.CSV else None
    if parts.netloc or parts.fragment or options.keys() - (asdict(csv) if csv else {}).keys():
        raise ValidationFailed(f"a file's address is {parts.scheme}:/// and a path, nothing else")
    path = unquote(parts.path).removeprefix("/")
    return {"path": path, "csv": asdict(csv)} if csv else {"path": path}


def _pairs(type_: Engine, text: str) -> dict[str, object]:
    known = _FILE_KEYS if type_.is_file else _SERVER_KEYS
    fields: dict[str, object] = {}
    place = 0
    while place < len(text.rstrip("; \t\r\n")):
        pair = _PAIR.match(text, place)
        if pair is None:
            raise ValidationFailed("write it as Name=value;Name=value, with values that hold ; or quotes in quotes")
        key, place = re.sub(r"[ _-]", "", pair[1]).lower(), pair.end()
        if key not in known:
            raise ValidationFailed(f"unknown option {pair[1]}; known are {', '.join(sorted(known))}")
        if known[key] in fields:
            raise ValidationFailed(f"{pair[1]} is given twice")
        fields[known[key]] = _value(known[key], _unquoted(pair[2]))
    return fields


def _value(field: str, text: str) -> object:
    if field == "port":
        if not text.isascii() or not text.isdigit():
            raise ValidationFailed("the port is a number")
        return int(text)
    if field == "tls":
        mode = re.sub(r"[ _-]", "", text).lower()
        if mode not in _TLS:
            raise ValidationFailed("the protection is one of Disable, Require, VerifyFull")
        return _TLS[mode]
    return text


def _unquoted(text: str) -> str:
    quote = text[:1]
    return text[1:-1].replace(quote * 2, quote) if quote in ("'", '"') else text
