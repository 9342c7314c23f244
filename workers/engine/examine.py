"""A look at the source's values before anything is copied: what its target cannot keep, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from domain.catalog.model import Column, DatabaseSchema, Table, TableName
from domain.catalog.types import Binary, Text
from domain.kernel.codec import fingerprint
from domain.kernel.errors import ValueRejected
from domain.kernel.values import Bytes, Rows
from domain.migrations.limits import Limit, Present, Utf8
from domain.migrations.misfits import (
    ColumnLimit,
    Misfit,
    MisfitPolicy,
    PredictedRejects,
    Profile,
    Seen,
    Treatment,
    misfit_of,
)
from domain.migrations.plan import MigrationPlan, RunOptions
from domain.migrations.schema_plan import Outcome, Parity
from domain.migrations.transfer import ColumnCopy, Source, TableCopy, WireFormat
from workers.engine.concurrency import each
from workers.engine.ends import Route
from workers.engine.plan import Basis, make_plan
from workers.engine.policies import Place, check_policy, check_rules, policy_for, rule_for, treatment_of

UNSEEN_BYTES_MAX = 512 * 1024 * 1024
"""Tables of more bytes than this in all are looked at before they are copied: taking them back would cost much."""

_NAMED_MAX = 10
_ROUNDS_MAX = 3
_PLANNED_ANEW = (MisfitPolicy.TEXT, MisfitPolicy.NULL_RELAXED)

Adopt = Callable[[MigrationPlan, DatabaseSchema], MigrationPlan]
"""Fits a plan for a source's schema to the tables that are already in the target."""

Existing = Mapping[TableName, Table]
"""Tables that others made in the target, by the name of the source table that is copied into them."""


@dataclass(frozen=True)
class _Look:
    """What a look at a table has found, and the policy for each finding, in the order of the findings."""

    profile: Profile
    policies: tuple[MisfitPolicy, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    within: tuple[ColumnLimit, ...] = ()
    """The limits that all values are within."""
    clean: str = ""
    is_known: bool = False
    """Whether it was had before this attempt of the run."""


@dataclass(frozen=True)
class Examiner:
    """What an examination works with. `existing` are target tables of others; `adopt` fits a plan to them.

    Tables that are `known` to be clean are not looked at again: their rows are watched on their way.
    """

    source: Source
    route: Route
    options: RunOptions
    existing: Callable[[MigrationPlan], Existing] = lambda _: {}
    adopt: Adopt = lambda plan, _: plan
    known: frozenset[str] = frozenset()

    def planned(self, basis: Basis) -> MigrationPlan:
        """Return the plan as it is as long as nobody has looked at values; it is also the plan if all of them fit."""
        connector = self.route.target_connector
        plan = make_plan(
            basis.schema,
            self.options,
            basis.orphans,
            self.route.source_connector.capabilities,
            connector,
            self.route.target_endpoint,
        )
        check_rules(self.options.on_misfit, plan.tables)
        plan = self.adopt(plan, basis.schema)
        return replace(plan, first_hash=plan.plan_hash)

    def may_stay_unseen(self, basis: Basis, plan: MigrationPlan) -> bool:
        """Whether a run may begin to copy with no look at the values: a short one whose target surely refuses misfits.

        Rules for misfits, tables of others in the target, and limits beyond which the target would store something,
        need the look beforehand.
        """
        source, target = self.route.source_connector.capabilities, self.route.target_connector.capabilities
        has_rules = self.options.on_misfit or self.options.reject_limit.is_given
        if not source.reads_unseen or has_rules or self.existing(plan):
            return False
        limits: dict[TableCopy, list[ColumnLimit]] = {}
        for places in self._places(plan, basis.schema).values():
            limits[places[0].copy] = [on for place in places for on in self._limits(place)]
        known = {type(on.limit) for of_table in limits.values() for on in of_table}
        size_bytes = sum(copy.size_bytes for copy, of_table in limits.items() if of_table)
        return bool(known) and known <= target.refuses_beyond and size_bytes <= UNSEEN_BYTES_MAX

    async def examined(self, basis: Basis, plan: MigrationPlan | None = None) -> MigrationPlan:
        """Return the plan of what was seen, with all misfits and their treatments; `plan` is `planned`, if it is known.

        Columns that become texts or lose their NOT NULL are planned anew, and looked at again.

        Raises:
            ObjectMissing: a rule names nothing.
            ValidationFailed: a rule cannot be applied to the values it names.
            DatabaseError: the source could not be read.
        """
        looks: dict[TableCopy, _Look] = {}
        texts: list[Misfit] = []
        first = plan = plan or self.planned(basis)
        for _ in range(_ROUNDS_MAX):
            places = self._places(plan, basis.schema)
            unseen = [copy for copy in plan.tables if copy not in looks]
            found = await each(
                [places[copy.source] for copy in unseen], self._look, at_once=max(1, self.options.parallel)
            )
            new = dict(zip(unseen, found, strict=True))
            looks |= new
            changed = replace(basis, schema=_changed(basis.schema, plan.tables, looks))
            if changed == basis:
                break
            basis, plan = changed, self.planned(changed)
            texts += [misfit for misfit in _misfits(new) if misfit.policy is MisfitPolicy.TEXT]
        plan = replace(plan, schema=replace(plan.schema, parity=(*plan.schema.parity, *_dropped(first, plan))))
        return replace(_with_looks(plan, looks, tuple(texts)), first_hash=first.plan_hash)

    def _places(self, plan: MigrationPlan, schema: DatabaseSchema) -> dict[TableName, tuple[Place, ...]]:
        places, existing = {}, self.existing(plan)
        for copy, made in zip(plan.tables, plan.schema.tables, strict=True):
            there, table = existing.get(copy.source), schema.table(copy.source)
            key = made.primary_key.columns if made.primary_key else ()
            places[copy.source] = tuple(
                Place(
                    copy=copy,
                    copied=copied,
                    column=_column(there or made, copied),
                    is_key=copied.target in key,
                    is_ours=there is None,
                    is_nullable_in_source=table is None or _source_column(table, copied).nullable,
                    reads_bytes=self.route.source_connector.capabilities.reads_bytes_of_texts,
                )
                for copied in copy.columns
            )
        return places

    async def _look(self, places: tuple[Place, ...]) -> _Look:
        limits = {on: place for place in places for on in self._limits(place)}
        if not limits:
            return _Look(Profile(places[0].copy.row_estimate, Rows(0), ()))
        copy = places[0].copy
        clean = _name_of_look(copy, tuple(limits))
        if clean in self.known:
            return _Look(Profile(copy.row_estimate, Rows(0), ()), within=tuple(limits), clean=clean, is_known=True)
        rules = {on: rule_for(self.options.on_misfit, copy, on) for on in limits}
        policies = {on: policy_for(rules[on], on, place) for on, place in limits.items()}
        rejecting = tuple(on for on, policy in policies.items() if policy is MisfitPolicy.REJECT)
        profile = await self.source.profile(copy, tuple(limits), rejecting)
        found = [finding.on for finding in profile.findings]
        for on in found:
            check_policy(rules[on], on, limits[on])
        return _Look(
            profile,
            tuple(policies[on] for on in found),
            tuple(treatment_of(rules[on], policies[on], on) for on in found),
            tuple(on for on in limits if on not in found),
            "" if found else clean,
        )

    def _limits(self, place: Place) -> Iterable[ColumnLimit]:
        """Yield the limits that values of a column may be beyond."""
        source, target, copied = self.route.source_connector, self.route.target_connector, place.copied
        is_same = source.capabilities.engine is target.capabilities.engine
        is_as_wide = is_same and copied.source_native == copied.target_native
        for limit in target.limits(copied):
            differs = type(limit) in source.capabilities.differ_by_database
            if type(limit) not in source.capabilities.always_within and (differs or not is_as_wide):
                yield ColumnLimit(copied.source, copied.source_native, copied.type, limit)
        if place.is_nullable_in_source and not place.is_ours and not place.column.nullable:
            yield ColumnLimit(copied.source, copied.source_native, copied.type, Present())


def refuse_misfits(plan: MigrationPlan, options: RunOptions) -> None:
    """Refuse to start if rows would have to be left out and that is not allowed, or not for so many.

    Raises:
        ValueRejected: so it is; the message names columns, counts and the ways out.
    """
    rejecting = [misfit for misfit in plan.misfits if misfit.policy is MisfitPolicy.REJECT]
    if not rejecting:
        return
    limit, rows = options.reject_limit, sum(each_.rows for each_ in plan.rejects)
    named = "; ".join(str(misfit) for misfit in rejecting[:_NAMED_MAX])
    more = f"; and {len(rejecting) - _NAMED_MAX} more columns" if len(rejecting) > _NAMED_MAX else ""
    if not limit.is_given:
        raise ValueRejected(
            f"the target cannot keep every value: {named}{more}. Nothing was copied. Choose what becomes of them "
            f"(null, sentinel, text, strip) by column or type, or allow {rows:,} rows to be rejected",
            path=(f"{rejecting[0].table}.{rejecting[0].column}",),
        )
    tables = {copy.number: copy.source for copy in plan.tables}
    over = [each_ for each_ in plan.rejects if not limit.allows(each_.rows, each_.of)]
    if over or (limit.rows is not None and rows > limit.rows):
        where = f" ({over[0].rows:,} of {over[0].of:,} rows of {tables[over[0].table_number]})" if over else ""
        raise ValueRejected(
            f"{rows:,} rows would be rejected, more than the limit{where}: {named}{more}. Nothing was copied",
            path=(f"{rejecting[0].table}.{rejecting[0].column}",),
        )


def _column(table: Table, copied: ColumnCopy) -> Column:
    return next(column for column in table.columns if column.name.casefold() == copied.target.casefold())


def _source_column(table: Table, copied: ColumnCopy) -> Column:
    return next(column for column in table.columns if column.name == copied.source)


def _changed(schema: DatabaseSchema, tables: Iterable[TableCopy], looks: Mapping[TableCopy, _Look]) -> DatabaseSchema:
    """Return the source's schema with the columns as texts, or without NOT NULL, for which this was asked."""
    wishes: dict[tuple[TableName, str], tuple[MisfitPolicy, Limit]] = {}
    for copy in tables:
        look = looks[copy]
        for finding, policy in zip(look.profile.findings, look.policies, strict=True):
            if policy in _PLANNED_ANEW:
                wishes[copy.source, finding.on.column] = (policy, finding.on.limit)

    def as_wished(table: TableName, column: Column) -> Column:
        match wishes.get((table, column.name)):
            case (MisfitPolicy.TEXT, limit):
                return replace(column, type=Binary() if isinstance(limit, Utf8) else Text(), default=None)
            case (MisfitPolicy.NULL_RELAXED, _):
                return replace(column, nullable=True)
            case _:
                return column

    changed = tuple(
        replace(table, columns=tuple(as_wished(table.name, column) for column in table.columns))
        for table in schema.tables
    )
    return replace(schema, tables=changed)


def _dropped(first: MigrationPlan, plan: MigrationPlan) -> Iterator[Parity]:
    """Yield a line for each default that a column no longer has, as it became one of texts or bytes."""
    left = {line.object for line in plan.schema.parity}
    for line in first.schema.parity:
        if line.object not in left:
            yield Parity(line.object, Outcome.SKIPPED, "it is of the type that its column had before")


def _with_looks(plan: MigrationPlan, looks: Mapping[TableCopy, _Look], texts: tuple[Misfit, ...]) -> MigrationPlan:
    """Return the plan with what was found; what is done about it is part of what the plan is known by."""
    looked = [(copy, looks[copy]) for copy in plan.tables]
    plan = watching(
        replace(plan, seen=tuple(Seen(copy.number, look.within, look.clean) for copy, look in looked if look.within)),
        frozenset(copy.number for copy, look in looked if look.is_known),
    )
    misfits = (*texts, *_misfits(dict(looked)))
    if not misfits:
        return plan
    tables = tuple(
        replace(copy, treatments=look.treatments, format=WireFormat.ARROW) if look.treatments else copy
        for copy, (_, look) in zip(plan.tables, looked, strict=True)
    )
    return replace(
        plan,
        tables=tables,
        plan_hash=fingerprint((plan.plan_hash, tuple(copy.treatments for copy in tables))),
        warnings=(*plan.warnings, *(f"{misfit}: {_fate(misfit.policy)}" for misfit in misfits)),
        misfits=misfits,
        rejects=tuple(
            PredictedRejects(copy.number, look.profile.rejected, look.profile.rows)
            for copy, look in looked
            if look.profile.rejected
        ),
    )


def watching(plan: MigrationPlan, numbers: Collection[int] | None = None) -> MigrationPlan:
    """Return a plan that watches its tables, or some, for values that they did not hold when they were looked at.

    Whoever goes on with a run reads another state of the source than the one that was looked at. What
    passes untouched between columns of one type is not watched: the target refuses what it cannot keep.
    """
    limits = {seen.table_number: seen.limits for seen in plan.seen if numbers is None or seen.table_number in numbers}
    tables = tuple(
        replace(copy, watched=limits.get(copy.number, ())) if copy.format is WireFormat.ARROW else copy
        for copy in plan.tables
    )
    return replace(plan, tables=tables)


def _name_of_look(copy: TableCopy, limits: tuple[ColumnLimit, ...]) -> str:
    return fingerprint((replace(copy, row_estimate=Rows(0), size_bytes=Bytes(0)), limits))


def _misfits(looks: Mapping[TableCopy, _Look]) -> list[Misfit]:
    misfits = []
    for copy, look in looks.items():
        native = {column.source: column.target_native for column in copy.columns}
        for finding, policy in zip(look.profile.findings, look.policies, strict=True):
            misfits.append(misfit_of(str(copy.source), native[finding.on.column], finding, policy))
    return misfits


def _fate(policy: MisfitPolicy) -> str:
    match policy:
        case MisfitPolicy.REJECT:
            return "their rows are rejected"
        case MisfitPolicy.SENTINEL:
            return "another value takes their place"
        case MisfitPolicy.STRIP:
            return "that is taken out of them"
        case MisfitPolicy.TEXT:
            return "the column keeps them, as another type"
        case _:
            return "they become NULL"
