"""From what happened to the report that is handed on."""

from __future__ import annotations

from collections.abc import Iterable

from domain.kernel.errors import WherryError
from domain.migrations.moments import Moment
from domain.migrations.plan import VerifyLevel
from domain.migrations.progress import RunStatus
from domain.migrations.report import Failure, ObjectNote, ObjectsReport, RunReport, TableReport
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, SchemaObject
from domain.migrations.transfer import Consistency
from workers.engine.finish import Finish
from workers.engine.prepare import PreparedRun
from workers.engine.progress import Meter
from workers.engine.verify import Verdict

_TABLES_NAMED_MAX = 10


def run_report(
    status: RunStatus,
    meter: Meter,
    consistency: Consistency,
    prepared: PreparedRun | None,
    finish: Finish | None,
    error: WherryError | None,
    moments: tuple[Moment, ...] = (),
) -> RunReport:
    """Return the report of a run that came as far as it came; what it did not reach is missing.

    `moments` are the states of the source that its rows were read in, if they are known.
    """
    progress = meter.progress()
    verdicts = {verdict.table_number: verdict for verdict in finish.verdicts} if finish else {}
    parity = prepared.plan.schema.parity if prepared else ()
    not_made = (*(prepared.not_made if prepared else ()), *(finish.not_made if finish else ()))
    tables = tuple(
        TableReport(
            name=table.name,
            rows_read=table.rows_read,
            rows_written=table.rows_written,
            rows_rejected=table.rows_rejected,
            verified=verdicts[number].equal if number in verdicts else None,
        )
        for number, table in enumerate(progress.tables)
    )
    return RunReport(
        status=status,
        tables=tables,
        objects=objects_report(parity, not_made),
        seconds=round(progress.elapsed_s, 3),
        rows_per_second=round(meter.rows_copied / progress.elapsed_s, 1) if progress.elapsed_s else 0.0,
        consistency=_proven(consistency, prepared, finish, moments),
        warnings=(*_warnings(prepared, finish, moments), *(_unforeseen(prepared, finish, tables) if finish else ())),
        error=Failure(error.code, error.message) if error else None,
        snapshots=moments,
    )


def objects_report(parity: Iterable[Parity], not_made: Iterable[Parity] = ()) -> ObjectsReport:
    """Sum up the parity lines; a line about an object that the target refused wins over the plan's."""
    refused = {line.object: line for line in not_made}
    lines = [refused.get(line.object, line) for line in parity]
    notes = {
        outcome: tuple(ObjectNote(object_name(line.object), line.reason) for line in lines if line.outcome is outcome)
        for outcome in (Outcome.REPLACED, Outcome.SKIPPED)
    }
    created = sum(line.outcome is Outcome.CREATED for line in lines)
    return ObjectsReport(created, notes[Outcome.REPLACED], notes[Outcome.SKIPPED])


def object_name(item: SchemaObject) -> str:
    """Return the one spelling of an object's kind and name: `table film`, `index film.idx_title`."""
    kind = item.kind.value.lower().replace("_", " ")
    if item.kind is ObjectKind.OTHER:
        return f"{kind} {item.name}"
    if item.table and item.name and item.name != item.table:
        return f"{kind} {item.table}.{item.name}"
    return f"{kind} {item.table or item.name}"


def difference_message(differences: Iterable[Verdict]) -> str:
    """Say which tables differ and how."""
    found = [f"{verdict.table}: {verdict.difference}" for verdict in differences]
    more = f" and {len(found) - _TABLES_NAMED_MAX} more tables" if len(found) > _TABLES_NAMED_MAX else ""
    return f"source and target differ: {'; '.join(found[:_TABLES_NAMED_MAX])}{more}"


def _is_mixed(prepared: PreparedRun | None, moments: tuple[Moment, ...]) -> bool:
    """Tell whether rows may come from several states: an interrupted run reads two, unless they are the same."""
    return prepared is not None and prepared.resumed and len(moments) != 1


def _proven(
    consistency: Consistency, prepared: PreparedRun | None, finish: Finish | None, moments: tuple[Moment, ...]
) -> Consistency:
    """Say what the rows have in common.

    If they may come from several states, digests have to have shown that all of them are as in the last one.
    """
    if not _is_mixed(prepared, moments):
        return consistency
    levels = {verdict.level for verdict in finish.verdicts} if finish else set()
    return consistency if levels == {VerifyLevel.DIGEST} else Consistency.CHUNK


def _unforeseen(prepared: PreparedRun | None, finish: Finish, tables: tuple[TableReport, ...]) -> Iterable[str]:
    """Say where other rows were rejected than the look at the source had announced."""
    predicted = {each.table_number: each.rows for each in prepared.plan.rejects} if prepared else {}
    for number, table in enumerate(tables):
        refused = finish.refused.get(number)
        if refused is not None:
            yield f"{table.name}: {refused.digest.rows:,} rows were refused by the target, as: {refused.reason}"
        rejected = table.rows_rejected - (refused.digest.rows if refused else 0)
        if rejected != predicted.get(number, 0):
            yield (
                f"{table.name}: {rejected:,} rows were rejected where {predicted.get(number, 0):,} were "
                "expected; the source was changed meanwhile"
            )


def _warnings(prepared: PreparedRun | None, finish: Finish | None, moments: tuple[Moment, ...]) -> tuple[str, ...]:
    warnings = list(prepared.plan.warnings) if prepared else []
    if prepared and finish and prepared.resumed:
        rows = {baseline.table_number: baseline.rows for baseline in prepared.baselines if baseline.digest is None}
        warnings += [
            f"{verdict.table} was compared by row counts only: it held {rows[verdict.table_number]} rows before "
            "this run, which was interrupted"
            for verdict in finish.verdicts
            if verdict.table_number in rows
        ]
        by_digest = {verdict.level for verdict in finish.verdicts} == {VerifyLevel.DIGEST}
        if _is_mixed(prepared, moments) and not by_digest:
            warnings.append(
                "this run was interrupted: some rows are as of before and some as of after; "
                "if the source was in use, compare by digest"
            )
    return tuple(warnings)
