"""What tables and columns are called in the target, where they cannot simply keep their names.

Two tables whose names differ by case alone, or by their schema alone, need different names in an
engine that ignores case or has one namespace; a name that is too long needs a shorter one. The
first keeps its name. A new name is made of the old one alone, and a line of the report tells both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

from domain.catalog.model import DatabaseSchema, TableName
from domain.connections.values import Endpoint
from domain.kernel.errors import ValidationFailed
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, SchemaObject
from domain.migrations.transfer import Capabilities
from workers.engine.choose import Choice

_MARK_LENGTH = 8
_TRIES_MAX = 10_000


class Names:
    """Gives every object of a run its name in the target, and remembers why a name is a new one."""

    def __init__(self, source: Capabilities, target: Capabilities, endpoint: Endpoint) -> None:
        self._default = source.default_schema
        self._target = target
        self._keeps_schemas = target.keeps_schemas and not endpoint.schema
        self._taken: set[TableName] = set()
        self.parity: list[Parity] = []

    def named(self, choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
        """Return the choices with the names of their tables and columns settled."""
        given = [choice for choice in choices if choice.is_mapped]
        self._taken |= {self._folded(choice.target, ObjectKind.TABLE) for choice in given}
        settled = {choice.table.name: self._settled(choice) for choice in given}
        for choice in sorted(choices, key=lambda choice: choice.table.name.schema != self._default):
            if not choice.is_mapped:
                target = self.relation(choice.table.name, ObjectKind.TABLE)
                settled[choice.table.name] = self._settled(replace(choice, target=target))
        return tuple(settled[choice.table.name] for choice in choices)

    def is_own(self, schema: DatabaseSchema) -> bool:
        """Tell whether the target is of the source's own engine."""
        return schema.engine is self._target.engine

    def default_schema(self, schema: DatabaseSchema) -> str:
        """Return the schema that the source's statements leave out: the default one, or the only one there is."""
        return next(iter(schema.schemas)) if len(schema.schemas) == 1 else self._default

    def relation(self, name: TableName, kind: ObjectKind) -> TableName:
        """Return a name for a table, sequence or view that no other of them has."""
        schema = name.schema if self._keeps_schemas and name.schema != self._default else ""
        prefixed = [] if schema or not name.schema else [f"{name.schema}_{name.name}"]
        for candidate in self._candidates([name.name, *prefixed]):
            target = TableName(candidate, schema)
            folded = self._folded(target, ObjectKind.TABLE)
            if folded not in self._taken:
                self._taken.add(folded)
                self._tell(kind, target, name)
                return target
        raise ValidationFailed(f"no name could be found for {name}; map it to one")

    def _settled(self, choice: Choice) -> Choice:
        """Give columns whose names would fall together, or are too long, names of their own."""
        if choice.is_mapped and any(source != target for source, target in choice.renames):
            return choice
        taken: set[str] = set()
        renames = []
        for source, _ in choice.renames:
            name = next(
                candidate
                for candidate in self._candidates([source])
                if self._fold(candidate, ObjectKind.COLUMN) not in taken
            )
            taken.add(self._fold(name, ObjectKind.COLUMN))
            renames.append((source, name))
            if name != source:
                item = SchemaObject(ObjectKind.COLUMN, name, str(choice.target))
                self.parity.append(Parity(item, Outcome.REPLACED, self._reason(source)))
        return replace(choice, renames=tuple(renames))

    def _candidates(self, names: list[str]) -> Iterable[str]:
        """Yield names that are short enough: the wanted ones, then the last one with a number."""
        yield from map(self._short, names)
        yield from (self._short(f"{names[-1]}_{number}") for number in range(2, _TRIES_MAX))

    def _short(self, name: str) -> str:
        """Return a name that the target takes, its end replaced by a mark of the whole if it is too long."""
        name = self._takeable(name)
        if self._length(name) <= self._target.identifier_max:
            return name
        mark = sha256(name.encode()).hexdigest()[:_MARK_LENGTH]
        most = self._target.identifier_max - _MARK_LENGTH - 1
        is_counted = self._target.names_in_characters
        kept = name[:most] if is_counted else name.encode()[:most].decode(errors="ignore")
        return f"{kept}_{mark}"

    def _takeable(self, name: str) -> str:
        """Return a name with a `_` for each character that no name of the target may hold."""
        return re.sub(self._target.unnameable, "_", name) if self._target.unnameable else name

    def _length(self, name: str) -> int:
        return len(name) if self._target.names_in_characters else len(name.encode())

    def _folded(self, name: TableName, kind: ObjectKind) -> TableName:
        return TableName(self._fold(name.name, kind), name.schema)

    def _fold(self, name: str, kind: ObjectKind) -> str:
        return name.casefold() if kind in self._target.ignores_case_of else name

    def _tell(self, kind: ObjectKind, target: TableName, name: TableName) -> None:
        if target.name != name.name:
            self.parity.append(Parity(SchemaObject(kind, str(target)), Outcome.REPLACED, self._reason(str(name))))

    def _reason(self, name: str) -> str:
        if self._length(name.rpartition(".")[2]) > self._target.identifier_max:
            unit = "characters" if self._target.names_in_characters else "bytes"
            return f"a new name for {name}, which is longer than {self._target.identifier_max} {unit}"
        if self._takeable(name) != name:
            return f"a new name for {name}, as {self._target.engine.value} takes no such characters in names"
        return f"a new name for {name}, as another one is called so here"


def check_schemas(
    schema: DatabaseSchema, choices: tuple[Choice, ...], target: Capabilities, endpoint: Endpoint
) -> None:
    """Refuse to bring several schemas into one where statements of the source name them.

    Raises:
        ValidationFailed: tables of several schemas are to be copied as they are into one schema.
    """
    schemas = sorted({choice.table.name.schema for choice in choices})
    if schema.engine is target.engine and target.keeps_schemas and endpoint.schema and len(schemas) > 1:
        raise ValidationFailed(
            f"the source holds tables in the schemas {', '.join(schemas)}, and the target names one schema; "
            "name one of the source's with ?schema=, or leave the target's out"
        )
