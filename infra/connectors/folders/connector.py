"""The connector of a folder of files, whatever kind they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from domain.catalog.model import DatabaseSchema
from domain.connections.values import CsvFormat, Endpoint, Engine, Probe, ProbeFinding
from domain.kernel.threads import in_thread
from domain.migrations.limits import Limit, Utf8
from domain.migrations.schema_plan import SchemaPlan, Trait
from domain.migrations.transfer import Capabilities, ColumnCopy, Source, Target, WireFormat
from infra.connectors.folders.contents import Folder
from infra.connectors.folders.disk import remove
from infra.connectors.folders.format import FolderFormat
from infra.connectors.folders.manifest import load_given
from infra.connectors.folders.plan import plan_schema
from infra.connectors.folders.source import FolderSource
from infra.connectors.folders.target import FolderTarget
from infra.connectors.row_sums import NATIVE_HASHES

WRITERS_MAX = 8
"""Parts are files of their own; more at once would only make the disk seek."""

IDENTIFIER_MAX = 1000
"""Names longer than a file system takes are cut in the file's name and whole in the manifest."""

FormatOf = Callable[[Path, CsvFormat | None], FolderFormat]
Limits = Callable[[ColumnCopy], tuple[Limit, ...]]


def capabilities_of(engine: Engine) -> Capabilities:
    """Return what a folder of files can do; files enforce nothing, and the manifest keeps everything."""
    return Capabilities(
        engine=engine,
        emits=frozenset({WireFormat.ARROW}),
        accepts=frozenset({WireFormat.ARROW}),
        identifier_max=IDENTIFIER_MAX,
        transactional_ddl=False,
        enforces_foreign_keys=False,
        inline_foreign_keys=False,
        writers_max=WRITERS_MAX,
        differ_by_database=frozenset({Utf8}),
        traits=frozenset(Trait),
        row_hashes=NATIVE_HASHES,
    )


class FolderConnector:
    """Reads and writes folders of one kind of files."""

    def __init__(self, engine: Engine, format_of: FormatOf, limits: Limits) -> None:
        self._capabilities = capabilities_of(engine)
        self._format_of = format_of
        self._limits = limits

    @property
    def capabilities(self) -> Capabilities:
        """What such a folder can do."""
        return self._capabilities

    async def probe(self, endpoint: Endpoint, *, writable: bool) -> Probe:
        """See whether the folder can be read, and written if that is wanted; it stays as it is."""

        def look() -> Probe:
            folder = self._folder(endpoint)
            folder.check(writable=writable)
            findings = [ProbeFinding("read", passed=True)]
            if folder.path.exists():
                folder.manifest()
                load_given(folder.path)
                folder.files.tables(folder.path)
            if writable:
                findings.append(_try_to_write(folder.path))
            return Probe(pa.__version__, tuple(findings))

        return await in_thread(look)

    async def open_source(self, endpoint: Endpoint, *, readers: int) -> Source:
        """Look which files there are; each must stay as it is."""
        source = FolderSource(self._folder(endpoint), pa.__version__, readers)
        await in_thread(source.open)
        return source

    async def open_target(self, endpoint: Endpoint, *, writers: int) -> Target:
        """See that the folder can be written; a missing one is made with the first note."""
        folder = self._folder(endpoint)
        await in_thread(lambda: folder.check(writable=True))
        await in_thread(folder.manifest)
        return FolderTarget(folder, pa.__version__, writers)

    def plan_schema(self, wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
        """Say how a folder keeps a schema."""
        return plan_schema(wanted, self._folder(endpoint).files)

    def limits(self, column: ColumnCopy) -> tuple[Limit, ...]:
        """Name the limits of a column."""
        return self._limits(column)

    def _folder(self, endpoint: Endpoint) -> Folder:
        path = Path(endpoint.path)
        return Folder(path, self._format_of(path, endpoint.csv))


def _try_to_write(folder: Path) -> ProbeFinding:
    """Make a file and take it away again, and the folder too if it was missing."""
    is_new = not folder.exists()
    trial = folder / ".wherry-probe"
    try:
        folder.mkdir(exist_ok=True)
        trial.touch(exist_ok=False)
    except OSError:
        advice = f"Give the right to create files in {folder.parent if is_new else folder}."
        return ProbeFinding("write", passed=False, advice=advice)
    finally:
        remove(trial) if folder.exists() else None
        if is_new and folder.exists():
            folder.rmdir()
    return ProbeFinding("write", passed=True)
