"""The documents at the top of the repository name what is there, and nothing that is not."""

from __future__ import annotations

import re
import tomllib

import typer.main

from infra.settings import PREFIX, Settings
from tests.architecture.source import REPOSITORY
from workers.cli.app import build_app

ENTRY_PARTS = ("**Context.**", "**Decision.**", "**Consequences.**", "**Rejected.**", "**Enforced by**")
ENTRY_LINES_MAX = 20


def text_of(name: str) -> str:
    return (REPOSITORY / name).read_text()


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*## ", text_of("Makefile"), flags=re.MULTILINE))


def commands() -> set[str]:
    group = typer.main.get_command(build_app())
    return set(getattr(group, "commands", {}))


def test_the_readme_has_every_make_target() -> None:
    named = set(re.findall(r"\| `make ([a-z]+)` \|", text_of("README.md")))

    assert named == make_targets()


def test_the_readme_has_every_command_of_the_command_line() -> None:
    named = set(re.findall(r"\| `wherry ([a-z-]+)[^`]*` \|", text_of("README.md")))

    assert named == commands()


def test_the_readme_has_every_setting_with_its_very_description() -> None:
    rows = dict(re.findall(r"^\| `(WHERRY_[A-Z_]+)` \| [^|]+ \| (.+) \|$", text_of("README.md"), flags=re.MULTILINE))

    assert set(rows) == {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        first_sentence = " ".join((field.description or "").split()).partition(".")[0].partition(":")[0]
        assert rows[f"{PREFIX}{name.upper()}"].startswith(first_sentence), name


def test_the_readme_has_every_dependency() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["embedded"]]
    names = {re.split(r"[\[~<>=]", requirement)[0] for requirement in wanted}
    section = text_of("README.md").partition("## Dependencies")[2].partition("\n## ")[0]
    first_cells = " ".join(re.findall(r"^\| ([^|]+) \|", section, flags=re.MULTILINE))

    assert names - set(re.findall(r"[a-z0-9-]+", first_cells)) == set()


def test_every_top_folder_is_on_the_map() -> None:
    section = text_of("README.md").partition("## Map of the tree")[2].partition("\n## ")[0]

    for folder in ("domain", "schema", "resolvers", "workers", "infra", "tests"):
        assert f"`{folder}/" in section


def test_every_decision_has_its_five_parts_and_is_short() -> None:
    entries = re.split(r"^## ", text_of("DECISIONS.md"), flags=re.MULTILINE)[1:]

    assert [int(entry.partition(".")[0]) for entry in entries] == list(range(1, len(entries) + 1))
    for entry in entries:
        assert [part for part in ENTRY_PARTS if part not in entry] == [], entry.splitlines()[0]
        assert len(entry.strip().splitlines()) <= ENTRY_LINES_MAX, entry.splitlines()[0]


def test_every_file_that_a_document_names_is_there() -> None:
    names = re.compile(r"`((?:domain|infra|resolvers|schema|tests|workers)/[\w./-]+)")
    for document in ("README.md", "DECISIONS.md", "CONTRIBUTING.md"):
        missing = [
            name for name in names.findall(text_of(document)) if not (REPOSITORY / name.partition(":")[0]).exists()
        ]

        assert missing == [], document


def test_the_changelog_has_its_four_headings_below_a_paragraph() -> None:
    newest = re.split(r"^## ", text_of("CHANGELOG.md"), flags=re.MULTILINE)[1]

    assert re.findall(r"^### (\w+)", newest, flags=re.MULTILINE) == ["Added", "Changed", "Fixed", "Removed"]
    assert newest.partition("###")[0].strip().count("\n") >= 1
