"""Real sample databases, where the machine has them: a folder named by WHERRY_SAMPLES, or `../shared/data`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from domain.connections.values import Endpoint
from infra.embedded import binaries
from tests.support.cli import ROOT
from tests.support.mysql import MysqlServer
from tests.support.notes import noted
from tests.support.servers import Missing

ADVICE = "set WHERRY_SAMPLES to a folder with chinook, northwind, sakila-mysql, sakila-sqlite and COUNTS.json"


class Samples:
    """The folder of sample databases and what is known of their rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._counts = json.loads((folder / "COUNTS.json").read_text())

    def counts(self, name: str, file: str) -> dict[str, int]:
        """Rows per table of one sample, by the file it is loaded from."""
        entry = next(entry for entry in self._counts[name] if entry["file"].startswith(file))
        counts: dict[str, int] = entry["counts"]
        return counts


def find_samples(request: pytest.FixtureRequest) -> Samples:
    """Return the samples, or skip the test and note that they are missing for the end of the run."""
    folder = Path(os.environ.get("WHERRY_SAMPLES", ROOT.parent / "shared" / "data"))
    if not (folder / "COUNTS.json").exists():
        noted(request.config, Missing).append(Missing("Sample databases", ADVICE))
        pytest.skip(f"the sample databases are not here ({ADVICE})")
    return Samples(folder)


def load_mysql(server: MysqlServer, endpoint: Endpoint, *files: Path) -> None:
    """Run scripts with the server's own client, which knows DELIMITER."""
    client = binaries.program_on_machine("mariadb", "mysql")
    assert client is not None, "the client comes with the server"
    for file in files:
        with file.open("rb") as script:
            finished = subprocess.run(
                [
                    client,
                    "--no-defaults",
                    f"--host={server.admin.host}",
                    f"--port={server.admin.port}",
                    f"--user={server.admin.username}",
                    "--default-character-set=utf8mb4",
                    endpoint.database,
                ],
                stdin=script,
                env={"PATH": os.defpath, "MYSQL_PWD": server.admin.password.reveal()},
                capture_output=True,
                check=False,
            )
        assert finished.returncode == 0, finished.stderr.decode(errors="replace")
