"""What API and workers load when they start, and what they say when they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import ROOT

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
