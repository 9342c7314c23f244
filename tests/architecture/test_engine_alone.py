"""The engine stands on its own: it needs neither the server nor, for its decisions, any driver."""

from __future__ import annotations

import ast
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.connectors.native import has_native
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


@pytest.mark.parametrize(
    ("engines", "spared"),
    [
        (("postgresql", "postgresql"), ("pyarrow", "sqlglot", "numpy", "pandas", "rich", "pymysql", "sqlalchemy")),
        (("mysql", "postgresql"), ("pyarrow.compute", "sqlglot", "numpy", "pandas", "rich", "strawberry")),
        (("postgresql", "mysql"), ("pyarrow.compute", "sqlglot", "numpy", "pandas", "rich", "strawberry")),
    ],
    ids=lambda value: "-".join(value[:2]),
)
def test_migrate_starts_without_what_it_does_not_need(engines: tuple[str, str], spared: tuple[str, ...]) -> None:
    """A connection that is refused is as far as a run gets without servers: drivers and engine are imported by then."""
    code = (
        "import sys, workers.cli; sys.argv[0] = 'wherry'\n"
        "try:\n    workers.cli.main()\n"
        "finally:\n    print('|', *sys.modules)"
    )
    addresses = [f"{engine}://nobody:nothing@127.0.0.1:1/{end}" for engine, end in zip(engines, "ab", strict=True)]

    run = subprocess.run(
        [sys.executable, "-c", code, "migrate", *addresses], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "HOST_UNREACHABLE" in run.stderr
    imported = run.stdout.partition("|")[2].split()
    assert "workers.engine.run" in imported
    assert not set(spared) & set(imported)


def test_a_whole_run_between_files_imports_neither_sql_parser_nor_computing(tmp_path: Path) -> None:
    """Nor does it where a value has to be asked about: a day is the second guess for what is declared as a moment."""
    with closing(sqlite3.connect(tmp_path / "source.db")) as connection:
        connection.execute("CREATE TABLE film (id INTEGER PRIMARY KEY, made DATE, price DECIMAL(10,2), seen DATETIME)")
        connection.execute("INSERT INTO film VALUES (1, '2020-01-01', 1.5, '2020-01-01 12:00:00')")
        connection.commit()
    code = (
        "import sys, workers.cli; sys.argv[0] = 'wherry'\n"
        "try:\n    workers.cli.main()\n"
        "finally:\n    print('|', *sys.modules)"
    )
    addresses = (f"sqlite:///{tmp_path}/source.db", f"duckdb:///{tmp_path}/target.db")

    run = subprocess.run(
        [sys.executable, "-c", code, "migrate", *addresses], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert "succeeded: 1 tables, 1 rows" in run.stdout
    imported = set(run.stdout.rpartition("|")[2].split())
    assert not {"sqlglot", "numpy", "pandas", "rich"} & imported
    assert "pyarrow.compute" not in imported or not has_native()


def test_a_command_is_imported_when_it_is_called() -> None:
    code = "import sys, workers.cli.app as app; app.build_app('migrate'); print(*sys.modules)"

    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    modules = {name for name in run.stdout.split() if name.startswith("workers.cli.")}
    assert "workers.cli.migrate" in modules
    assert not modules & {"workers.cli.demo", "workers.cli.serve", "workers.cli.rollback", "workers.cli.planning"}
