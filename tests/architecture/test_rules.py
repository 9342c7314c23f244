"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, REPOSITORY, imported, parsed, python_files, relative

COMPUTING = {"annotated_types", "rapidfuzz", "sqlglot"}
QUIET_AT_IMPORT = ("domain", "infra", "workers")
RUN_AS_SCRIPTS = {"infra/db/alembic/env.py"}


def contracts() -> dict[str, dict[str, list[str]]]:
    """Return the import contracts of pyproject.toml by the first word of their names."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    return {contract["name"].partition(":")[0]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


def children(package: str) -> set[str]:
    """Return the modules and packages directly below a package, by their whole names."""
    folder = REPOSITORY / package
    names = {path.parent.name for path in folder.glob("*/__init__.py")}
    names |= {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    return {f"{package}.{name}" for name in names}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_the_one_in_this_repository(package: str) -> None:
    spec = importlib.util.find_spec(package)

    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == REPOSITORY / package


def test_every_child_of_infra_and_workers_has_a_place_in_the_planes() -> None:
    planes = " ".join(contracts()["planes"]["layers"])
    named = set(planes.replace("(", " ").replace(")", " ").split())

    assert (children("infra") | children("workers")) - named == set()


def test_every_slice_is_checked_from_inside() -> None:
    inside = set(contracts()["inside"]["containers"])

    assert children("domain") - {"domain.kernel"} - inside == set()


def test_the_domain_imports_only_the_standard_library_and_libraries_that_compute() -> None:
    allowed = sys.stdlib_module_names | COMPUTING | {"domain"}

    assert {
        relative(file): imported(file) - allowed for file in python_files("domain") if imported(file) - allowed
    } == {}


def test_the_engine_imports_only_the_domain_and_arrow() -> None:
    allowed = sys.stdlib_module_names | COMPUTING | {"domain", "workers", "pyarrow"}
    files = python_files("workers/engine")

    assert {relative(file): imported(file) - allowed for file in files if imported(file) - allowed} == {}


def test_nothing_is_global() -> None:
    found = [
        f"{relative(file)}:{node.lineno}"
        for file in python_files(*PACKAGES, "tests")
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Global)
    ]

    assert found == []


def test_nothing_happens_at_import() -> None:
    found = [
        f"{relative(file)}:{statement.lineno}"
        for file in python_files(*QUIET_AT_IMPORT)
        if relative(file) not in RUN_AS_SCRIPTS and file.name != "__main__.py"
        for statement in parsed(file).body
        if happens(statement)
    ]

    assert found == []


def happens(statement: ast.stmt) -> bool:
    """Tell whether a statement at the top of a file does more than name something."""
    if isinstance(statement, ast.Expr):
        return not isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.If):
        guard = ast.unparse(statement.test)
        return not (guard == "TYPE_CHECKING" or guard.startswith(("__name__ ==", "sys.platform", "sys.version_info")))
    return isinstance(statement, ast.For | ast.While | ast.With | ast.Try | ast.Delete | ast.AugAssign)
