"""The engine stands on its own: it needs neither the server nor, for its decisions, any driver."""

from __future__ import annotations

import ast
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.cli import ROOT, wherry

SERVER_FOLDERS = ("infra/db", "infra/redis")


@pytest.fixture
def tree_without_server(tmp_path: Path) -> Path:
    """A copy of the tree without the API, its database and Redis."""
    tree = tmp_path / "tree"
    ignored = shutil.ignore_patterns("__pycache__", "web", "node_modules")
    for folder in ("domain", "workers", "infra"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignored)
    for folder in SERVER_FOLDERS:
        shutil.rmtree(tree / folder)
    return tree


def test_the_command_line_copies_a_database_without_the_server(tree_without_server: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "source.db", tmp_path / "target.db"
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("CREATE TABLE film (id INTEGER PRIMARY KEY, title TEXT)")
        connection.execute("INSERT INTO film VALUES (1, 'one'), (2, 'two')")
        connection.commit()

    result = wherry("migrate", f"sqlite:///{source}", f"sqlite:///{target}", "--json", folder=tree_without_server)

    assert result.exit_code == 0, result.stderr
    assert result.counts == {"film": 2}


def test_the_engine_imports_only_the_domain() -> None:
    allowed = {*sys.stdlib_module_names, "domain", "pyarrow"}

    for path in sorted((ROOT / "workers" / "engine").glob("**/*.py")):
        for module in _imports(path):
            assert module.split(".")[0] in allowed or module.startswith("workers.engine"), f"{path.name}: {module}"


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
