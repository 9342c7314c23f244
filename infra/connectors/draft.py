"""A schema plan while it is being made: its statements, and what becomes of each object."""

from __future__ import annotations

from domain.catalog.model import DatabaseSchema, Table
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, Phase, SchemaObject, SchemaPlan, Step

RIGHTS_STAY = "Rights belong to the users of a server; grant and revoke them in the target by hand."

FOREIGN: dict[str, tuple[Outcome, str]] = {
    "schema": (Outcome.REPLACED, "What is in it comes together with the rest in one schema."),
    "other schema": (
        Outcome.SKIPPED,
        "One schema is copied at a time; name this one with ?schema= in its own run.",
    ),
    "extension": (Outcome.SKIPPED, "An extension belongs to its engine; columns of its types are copied as text."),
    "partitioned table": (Outcome.REPLACED, "The rows of all its partitions are in one table."),
    "partition": (Outcome.REPLACED, "Its rows are in the table it is a part of."),
    "partitioning": (Outcome.REPLACED, "The rows of all its partitions are in one table."),
    "inheritance": (Outcome.SKIPPED, "Each of both tables holds its own rows only."),
    "sequence owner": (Outcome.SKIPPED, "A sequence outlives every column here."),
    "foreign table": (Outcome.SKIPPED, "Its rows live on another server."),
    "virtual table": (Outcome.SKIPPED, "Its rows are made by a module of its engine."),
    "conflict rule": (
        Outcome.SKIPPED,
        "Rows that break a constraint are refused; say what becomes of them where they are written.",
    ),
    "number of the file": (Outcome.SKIPPED, "The programs that use the file keep it there; set it with PRAGMA."),
    "foreign key to nothing": (Outcome.SKIPPED, "It refers to a table or columns that are not there."),
    "sub-folder": (
        Outcome.SKIPPED,
        "Files in it are not read: a table is a file, or a sub-folder of Parquet files; name it in its own run.",
    ),
    "partition column": (Outcome.SKIPPED, "The rows of all partitions follow the rules of the one table."),
    "rights": (Outcome.SKIPPED, RIGHTS_STAY),
    "index": (Outcome.SKIPPED, "It is on a partition or a materialized view, which are no tables of their own here."),
    "comment": (Outcome.SKIPPED, "What it is about is not there, or has no comments here."),
    "view options": (
        Outcome.SKIPPED,
        "By whose rights a view is read, and what may be written through it, is as usual.",
    ),
    "view default": (Outcome.SKIPPED, "Columns of views have no defaults here."),
    "typed table": (Outcome.SKIPPED, "The table has the columns of the type."),
    "column settings": (Outcome.SKIPPED, "They say how its engine stores and counts the column's values."),
    "clustering": (Outcome.SKIPPED, "It says how its engine stores the table."),
    "tablespace": (Outcome.SKIPPED, "It says where its engine stores the table."),
    "replica identity": (Outcome.SKIPPED, "It is for its engine's own replicas."),
    "row security": (Outcome.SKIPPED, "Rows are not hidden from anybody here."),
    "forced row security": (Outcome.SKIPPED, "Rows are not hidden from anybody here."),
    "storage parameters": (Outcome.SKIPPED, "They say how its engine stores the table."),
    "table option": (Outcome.SKIPPED, "It says how SQLite stores the table."),
    "storage engine": (Outcome.REPLACED, "Its rows are stored as this engine does by itself."),
    "invisible column": (Outcome.REPLACED, "It is seen like any other column here."),
    "ignored index": (Outcome.REPLACED, "It is used like any other here."),
    "index comment": (Outcome.SKIPPED, "Comments on indexes are not copied."),
    "versioning": (Outcome.SKIPPED, "The rows as they are now are copied, and not those of earlier times."),
    "unlogged": (Outcome.SKIPPED, "The table is as safe as any other here."),
    "unreadable schema": (Outcome.SKIPPED, "The source's user may not look into this schema; grant USAGE on it."),
}
"""What becomes of objects that one engine alone has, by its word for them."""


class Draft:
    """Collects steps and outcomes; an object of the wanted schema without an outcome is one left out.

    `not_built` says per kind why the engine has no place for it.
    """

    def __init__(self, wanted: DatabaseSchema, not_built: dict[ObjectKind, str]) -> None:
        self.wanted = wanted
        self._not_built = not_built
        self._steps: list[Step] = []
        self._outcomes: dict[SchemaObject, Parity] = {}

    def step(
        self,
        phase: Phase,
        made: SchemaObject,
        sql: str,
        *,
        optional: bool = False,
        head: str = "",
        settings: str = "",
    ) -> None:
        """Add a statement after those before it. Those of one `head` may be joined."""
        self._steps.append(Step(len(self._steps) + 1, phase, made, sql, optional, head, settings=settings))

    def statements(self, phase: Phase) -> tuple[str, ...]:
        """Return the statements of a phase so far."""
        return tuple(step.sql for step in self._steps if step.phase is phase)

    def created(self, made: SchemaObject) -> None:
        """Note that an object is made as it was."""
        self._outcomes[made] = Parity(made, Outcome.CREATED)

    def replaced(self, made: SchemaObject, reason: str) -> None:
        """Note that an object is made as something close to it; without a reason it is the same."""
        self._outcomes[made] = Parity(made, Outcome.REPLACED if reason else Outcome.CREATED, reason)

    def skipped(self, made: SchemaObject, reason: str) -> None:
        """Note that an object is left out."""
        self._outcomes[made] = Parity(made, Outcome.SKIPPED, reason)

    def plan(self, tables: tuple[Table, ...]) -> SchemaPlan:
        """Return the plan."""
        items = inventory(self.wanted)
        others = self.wanted.others
        kinds = [*([""] * (len(items) - len(others))), *(other.kind.lower() for other in others)]
        parity = tuple(
            self._outcomes.get(item) or self._left_out(item, kind) for item, kind in zip(items, kinds, strict=True)
        )
        return SchemaPlan(tables, tuple(self._steps), parity)

    def _left_out(self, item: SchemaObject, kind: str) -> Parity:
        """Say why an object that no statement makes is left out. `kind` is the source's word for what is no table."""
        outcome, reason = FOREIGN.get(kind, (Outcome.SKIPPED, self._not_built.get(item.kind, "")))
        return Parity(item, outcome, reason or f"There is nothing like {one(kind)} here.")


def one(kind: str) -> str:
    """Return a word with its article."""
    return f"{'an' if kind[:1] in set('aeiou') else 'a'} {kind}"
