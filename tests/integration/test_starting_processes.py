"""What API and workers load when they start, and what they say when they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from domain.connections.values import Endpoint
from domain.kernel.errors import ConnectFailed, ErrorCode
from domain.kernel.values import Secret
from infra.container import reach_control_store
from infra.settings import read_settings
from tests.support.cli import ROOT, url

CODE = """
import sys
from {module} import main
code = main()
print(*sys.modules)
sys.exit(code)
"""


@pytest.mark.parametrize("module", ["infra.serving", "workers.main"])
def test_a_control_store_that_is_not_there_is_told_in_one_sentence(module: str, tmp_path: Path) -> None:
    nowhere = {
        "WHERRY_DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/store",
        "WHERRY_REDIS_URL": "redis://127.0.0.1:1",
    }

    run = subprocess.run(
        [sys.executable, "-c", CODE.format(module=module)],
        cwd=ROOT,
        env={**os.environ, **nowhere, "WHERRY_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 1
    assert run.stderr.startswith("wherry: The control store (WHERRY_DATABASE_URL) cannot be reached: ")
    assert run.stderr.count("\n") == 1
    assert "secret" not in run.stderr
    assert "pandas" not in run.stdout.split()


async def test_a_control_store_that_lets_nobody_in_says_so(
    postgresql_database: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERRY_DATABASE_URL", url(replace(postgresql_database, password=Secret("wrong"))))

    with pytest.raises(ConnectFailed, match=r"WHERRY_DATABASE_URL\) refused the session") as refused:
        await reach_control_store(read_settings())

    assert refused.value.code is ErrorCode.AUTHENTICATION_FAILED


async def test_a_control_store_is_reached_by_an_address_with_options_of_the_driver(
    postgresql_database: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERRY_DATABASE_URL", f"{url(postgresql_database)}?ssl=prefer")

    await reach_control_store(read_settings())
