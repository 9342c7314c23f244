"""Testing a connection: the server, its settings, and the user's rights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.connections.values import Probe, ProbeFinding
from infra.connectors.mysql.names import quoted
from infra.connectors.mysql.session import Control

if TYPE_CHECKING:
    from domain.connections.values import Endpoint

_OLDEST = {"MariaDB": (10, 3), "MySQL": (8, 0)}
_SOURCE_RIGHTS = ("SELECT",)
_TARGET_RIGHTS = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "ALTER",
    "INDEX",
    "REFERENCES",
    "LOCK TABLES",
)
_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<object>.+?) TO ", re.IGNORECASE | re.DOTALL)
_WILDCARD = re.compile(r"\\(.)|(%)|(_)|(.)")
_VERSION = re.compile(r"(\d+)\.(\d+)")


async def probe(endpoint: Endpoint, *, writable: bool) -> Probe:
    """Connect and report the version and every right that is there or missing.

    Raises:
        ConnectFailed: no session could be opened; `code` says why.
    """
    control = Control(endpoint)
    try:
        await control.open()
        version = str(await control.value("SELECT VERSION()"))
        findings = [_version(version), await _rights(control, endpoint, writable=writable), await _innodb(control)]
        if writable:
            findings.extend([await _writes(control), await _infile(control)])
    finally:
        await control.close()
    return Probe(version, tuple(findings))


def _version(version: str) -> ProbeFinding:
    name = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    match = _VERSION.search(version)
    found = (int(match[1]), int(match[2])) if match else (0, 0)
    oldest = ".".join(map(str, _OLDEST[name]))
    return ProbeFinding("version", found >= _OLDEST[name], f"{name} {oldest} or newer is needed; this is {version}")


async def _rights(control: Control, endpoint: Endpoint, *, writable: bool) -> ProbeFinding:
    """Look for the rights among the user's grants on everything or on this database."""
    needed = _TARGET_RIGHTS if writable else _SOURCE_RIGHTS
    held: set[str] = set()
    for (grant,) in await control.rows("SHOW GRANTS", doing="reading the user's rights"):
        match = _GRANT.match(str(grant))
        if match and _covers(match["object"], endpoint.database, writable=writable):
            held.update(right.strip().upper() for right in match["rights"].split(","))
    missing = [] if "ALL PRIVILEGES" in held else [right for right in needed if right not in held]
    advice = f"GRANT {', '.join(missing)} ON {quoted(endpoint.database)}.* TO {endpoint.username}" if missing else ""
    return ProbeFinding("rights", not missing, advice)


def _covers(granted_on: str, database: str, *, writable: bool) -> bool:
    """Whether a grant is on everything, on this database (by name or wildcards), or, to read, on a table of it."""
    name, _, table = granted_on.rpartition(".")
    if name == "*":
        return True
    if table != "*" and writable:
        return False
    pattern = name.strip("`").replace("``", "`")
    expression = _WILDCARD.sub(
        lambda part: re.escape(part[1] or part[4]) if part[1] or part[4] else (".*" if part[2] else "."), pattern
    )
    return re.fullmatch(expression, database) is not None


async def _innodb(control: Control) -> ProbeFinding:
    support = await control.value("SELECT support FROM information_schema.engines WHERE engine = 'InnoDB'")
    return ProbeFinding("InnoDB", support in ("YES", "DEFAULT"), "enable the InnoDB storage engine")


async def _writes(control: Control) -> ProbeFinding:
    is_read_only = await control.value("SELECT @@read_only")
    return ProbeFinding("writable", not is_read_only, "SET GLOBAL read_only = OFF, or choose the primary server")


async def _infile(control: Control) -> ProbeFinding:
    """Look whether fast loading is allowed. Without it rows go by INSERT: slower, and just as right."""
    is_allowed = bool(await control.value("SELECT @@local_infile"))
    advice = "" if is_allowed else "loading will be several times slower; SET GLOBAL local_infile = ON makes it fast"
    return ProbeFinding("fast loading" if is_allowed else "loading by INSERT", passed=True, advice=advice)
