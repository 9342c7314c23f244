r"""Database addresses as people type them: `postgresql://user:password@host:5432/db?schema=x&tls=require`.

Servers: `postgresql://`, `mysql://`, `mariadb://`. User, password, host and database may be
percent-encoded; an IPv6 host stands in brackets; `?host=/folder` names a folder of Unix sockets
(PostgreSQL) or a socket file (MySQL). Files: `sqlite:///path`, `duckdb:///path`. Folders of files:
`parquet:///folder`, `csv:///folder?delimiter=;&quote="&encoding=latin-1&header=no&null=\N`, where
`delimiter=tab` and `quote=none` may be said in words.

`sqlite:///a/b.db` means `/a/b.db` to some tools and `./a/b.db` to others, so both are understood:
four slashes are always absolute; with three, the absolute path is taken if it or its folder is
there, and else the path from the working folder. A bare file name is always in the working folder.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from domain.connections.config import checked
from domain.connections.values import CsvFormat, Endpoint, Engine, TlsMode
from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Secret

_ENGINES = {
    "postgresql": Engine.POSTGRESQL,
    "postgres": Engine.POSTGRESQL,
    "mysql": Engine.MYSQL,
    "mariadb": Engine.MYSQL,
    "sqlite": Engine.SQLITE,
    "duckdb": Engine.DUCKDB,
    "csv": Engine.CSV,
    "parquet": Engine.PARQUET,
}

_PORTS = {Engine.POSTGRESQL: 5432, Engine.MYSQL: 3306}

_TLS = {"disable": TlsMode.DISABLE, "require": TlsMode.REQUIRE, "verify-full": TlsMode.VERIFY_FULL}

_SERVER_OPTIONS = {"schema", "tls", "host"}
_FILE_OPTIONS = {"schema"}
_CSV_OPTIONS = {"delimiter", "quote", "encoding", "header", "null"}

_SIGNS = {"tab": "\t", "none": ""}
_HEADER = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def engine_named(name: str) -> Engine:
    """Return the engine of a name as addresses use it.

    Raises:
        ValidationFailed: there is none.
    """
    engine = _ENGINES.get(name.lower())
    if engine is None:
        raise ValidationFailed(f"unknown engine {name}; known are {', '.join(_ENGINES)}")
    return engine


def parse_url(url: str) -> Endpoint:
    """Return the endpoint that an address names.

    Raises:
        ValidationFailed: the address cannot be understood; the message never repeats it, since it
            may hold a password.
    """
    scheme, separator, _ = url.partition("://")
    engine = _ENGINES.get(scheme.lower())
    if not separator or engine is None:
        raise ValidationFailed(
            f"a database address begins with one of {', '.join(f'{known}://' for known in _ENGINES)}"
        )
    if "#" in url:
        raise ValidationFailed(f"a # within the {scheme}:// address must be written %23")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValidationFailed(f"the {scheme}:// address has a host or port that cannot be read") from error
    options = _options(parts, _known_options(engine))
    return _file(engine, parts, options) if engine.is_file else _server(engine, parts, port, options)


def _known_options(engine: Engine) -> set[str]:
    if engine.is_folder:
        return _CSV_OPTIONS if engine is Engine.CSV else set()
    return _FILE_OPTIONS if engine.is_file else _SERVER_OPTIONS


def csv_format(options: dict[str, str]) -> CsvFormat | None:
    """Return the format that the options of an address describe; nothing without options.

    Raises:
        ValidationFailed: an option cannot be understood, or they do not go together.
    """
    given = {name: value for name, value in options.items() if name in _CSV_OPTIONS}
    if not given:
        return None
    usual = CsvFormat()
    header = _HEADER.get(given.get("header", "yes").lower())
    signs = {name: _SIGNS.get(given[name].lower(), given[name]) for name in ("delimiter", "quote") if name in given}
    if header is None:
        raise ValidationFailed("the option header is yes or no")
    delimiter, quote = signs.get("delimiter", usual.delimiter), signs.get("quote", usual.quote)
    if len(delimiter) != 1 or len(quote) > 1:
        raise ValidationFailed("delimiter and quote are one character each (delimiter=tab, quote=none)")
    return checked(
        CsvFormat(
            delimiter=delimiter,
            quote=quote,
            encoding=given.get("encoding", usual.encoding),
            header=header,
            null=given.get("null", usual.null),
        )
    )


def _options(parts: SplitResult, known: set[str]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(options.keys() - known)
    if unknown and not known:
        raise ValidationFailed(f"a {parts.scheme}:// address takes no options, and so no {unknown[0]}")
    if unknown:
        raise ValidationFailed(f"unknown option {unknown[0]} in the address; known are {', '.join(sorted(known))}")
    return options


def _server(engine: Engine, parts: SplitResult, port: int | None, options: dict[str, str]) -> Endpoint:
    tls = options.get("tls", "disable").lower()
    if tls not in _TLS:
        raise ValidationFailed(f"unknown tls={tls} in the address; known are {', '.join(_TLS)}")
    host = options.get("host") or unquote(parts.hostname or "")
    database = unquote(parts.path.removeprefix("/"))
    if not host:
        raise ValidationFailed(f"the {parts.scheme}:// address names no host")
    if not database:
        raise ValidationFailed(f"the {parts.scheme}:// address names no database; write it after the host: /name")
    if not parts.username:
        raise ValidationFailed(f"the {parts.scheme}:// address names no user; write it before the host: user@")
    return Endpoint(
        engine=engine,
        host=host,
        port=port or _PORTS[engine],
        database=database,
        username=unquote(parts.username),
        password=Secret(unquote(parts.password or "")),
        schema=options.get("schema", ""),
        tls=_TLS[tls],
    )


def _file(engine: Engine, parts: SplitResult, options: dict[str, str]) -> Endpoint:
    path = unquote(parts.path)
    if parts.netloc:
        raise ValidationFailed(f"a file's address has three slashes: {parts.scheme}:///{parts.netloc}{path}")
    if "\0" in path:
        raise ValidationFailed(f"the path of the {parts.scheme}:// address holds the character NUL, as no path does")
    if path in ("", "/"):
        raise ValidationFailed(f"the {parts.scheme}:// address names no file")
    schema = options.get("schema", "")
    return Endpoint(engine=engine, path=str(_resolved(path)), schema=schema, csv=csv_format(options))


def _resolved(path: str) -> Path:
    if path.startswith("//"):
        return Path("/" + path.lstrip("/"))
    absolute, relative = Path(path), Path.cwd() / path.removeprefix("/")
    at_root = absolute.parent == Path("/")
    if absolute.exists() or (absolute.parent.is_dir() and not at_root):
        return absolute
    return relative
