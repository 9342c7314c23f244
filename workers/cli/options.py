"""Arguments and options that several commands share, and how they are read."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from domain.kernel.errors import ValidationFailed
from domain.mappings.values import ColumnMapping, TableMapping
from domain.migrations.misfits import NO_REJECTS, MisfitRule, RejectLimit, parse_reject_limit, parse_rule
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.plan import OnExisting, VerifyLevel

LANES_MAX = 64
CHUNK_ROWS_MAX = 10_000_000
PARALLEL = min(4, os.cpu_count() or 1)
"""How many chunks are copied at once unless somebody says otherwise."""

SourceUrl = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE_URL",
        envvar="WHERRY_SOURCE_URL",
        help="Where the data is: postgresql://user:password@host/db, mysql://..., sqlite:///file, duckdb:///file, "
        "csv:///folder, parquet:///folder.",
    ),
]
TargetUrl = Annotated[
    str,
    typer.Argument(metavar="TARGET_URL", envvar="WHERRY_TARGET_URL", help="Where it goes, in the same form."),
]
Include = Annotated[str, typer.Option(metavar="PATTERNS", help="Only these tables: names or patterns, 'film,cust*'.")]
Exclude = Annotated[str, typer.Option(metavar="PATTERNS", help="All but these tables.")]
MapFile = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="JSON or TOML file that says which tables and columns to copy under which names.",
    ),
]
Parallel = Annotated[int, typer.Option(min=1, max=LANES_MAX, help="How many chunks to copy at once.")]
ChunkRows = Annotated[int, typer.Option(min=1, max=CHUNK_ROWS_MAX, help="How many rows to commit at once, about.")]
Verify = Annotated[
    VerifyLevel,
    typer.Option(metavar="none|counts|digest", case_sensitive=False, help="How to compare after the copy."),
]
Existing = Annotated[
    OnExisting,
    typer.Option(
        metavar="fail|truncate|append",
        case_sensitive=False,
        help="What to do if a target table already holds rows.",
    ),
]
Restart = Annotated[bool, typer.Option("--restart", help="Forget what an interrupted run of this command has done.")]
LostSnapshot = Annotated[
    OnLostSnapshot | None,
    typer.Option(
        "--on-lost-snapshot",
        metavar="restart|continue",
        case_sensitive=False,
        help="For a run that has lost the source's snapshot: copy all tables again from a new one, or go on with "
        "another one, which is exact only if the source was at rest.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; the target is not even opened.")]
OnMisfit = Annotated[
    list[str],
    typer.Option(
        "--on-misfit",
        metavar="WHAT=POLICY",
        help="What becomes of values that the target cannot keep: film.released=null, date=sentinel:1970-01-01, "
        "text=strip, *=reject; policies are reject, null, null-relaxed, sentinel:VALUE, text, strip. May be repeated.",
    ),
]
RejectLimitText = Annotated[
    str, typer.Option("--reject-limit", metavar="N|N%", help="How many rows may be left out; none unless given.")
]
RejectsFile = Annotated[
    Path | None,
    typer.Option("--rejects", metavar="FILE", dir_okay=False, help="Where rejected rows are kept, as JSON lines."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on standard output.")]


def patterns(text: str) -> tuple[str, ...]:
    """Return the patterns of a comma-separated list."""
    return tuple(part for item in text.split(",") if (part := item.strip()))


def read_rules(texts: list[str]) -> tuple[MisfitRule, ...]:
    """Read rules for values that the target cannot keep.

    Raises:
        ValidationFailed: a text is no such rule.
    """
    return tuple(parse_rule(text) for text in texts)


def read_reject_limit(text: str) -> RejectLimit:
    """Read how many rows may be left out; nothing means none.

    Raises:
        ValidationFailed: it is neither a number of rows nor a percentage.
    """
    return parse_reject_limit(text) if text else NO_REJECTS


def read_mappings(path: Path | None) -> tuple[TableMapping, ...]:
    """Read a mapping file.

    It holds a list `tables`; each has `source`, `target` (the same name if missing) and perhaps
    `columns`, from source names to target names.

    Raises:
        ValidationFailed: the file is not JSON or TOML, or not of this form.
    """
    if path is None:
        return ()
    text = path.read_text(encoding="utf-8")
    try:
        document = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise ValidationFailed(f"{path} is not a JSON or TOML file: {error}") from error
    tables = document.get("tables") if isinstance(document, dict) else None
    if not isinstance(tables, list) or not tables:
        raise ValidationFailed(f"{path} has no list of tables")
    return tuple(_table_mapping(path, item) for item in tables)


def _table_mapping(path: Path, item: object) -> TableMapping:
    if not isinstance(item, dict) or not isinstance(source := item.get("source"), str):
        raise ValidationFailed(f"{path}: each table needs a source")
    target, columns = item.get("target", source), item.get("columns", {})
    unknown = sorted(item.keys() - {"source", "target", "columns"})
    if unknown:
        raise ValidationFailed(f"{path}: table {source} has an unknown entry {unknown[0]}")
    if not isinstance(target, str) or not isinstance(columns, dict):
        raise ValidationFailed(f"{path}: table {source} needs a text as target and a table of names as columns")
    if not all(isinstance(name, str) for name in columns.values()):
        raise ValidationFailed(f"{path}: the columns of table {source} must map names to names")
    return TableMapping(source, target, tuple(ColumnMapping(here, there) for here, there in columns.items()))
