"""Handlers of the migrations slice."""

from __future__ import annotations

from domain.kernel.messages import Binding
from domain.migrations import commands, facts, foreseeing, queries, replaying, rolling_back, steering
from infra.bindings.ports import Ports
from infra.db.readers.connections import SqlConnectionReader
from infra.db.readers.migration_following import SqlMigrationFollower
from infra.db.readers.migrations import SqlMigrationReader
from infra.db.stores.connections import SqlCredentials
from infra.db.stores.migrations.assignments import SqlAssignments
from infra.db.stores.migrations.claims import SqlTargetClaims
from infra.db.stores.migrations.counters import SqlCounters
from infra.db.stores.migrations.reports import SqlReports
from infra.db.stores.migrations.resumption import SqlResumption
from infra.db.stores.migrations.rollbacks import SqlRollbacks
from infra.db.stores.migrations.stream import SqlStream
from infra.foreseeing import LiveForecaster
from infra.replaying import StoredReplayer


def bindings(ports: Ports) -> tuple[Binding, ...]:
    """Return this slice's part of the table."""
    return (*_commands(ports), *_steering(ports), *_facts(ports), *_queries(ports))


def _commands(ports: Ports) -> tuple[Binding, ...]:
    start = commands.StartMigrationHandler(
        ids=ports.ids,
        clock=ports.clock,
        claims=SqlTargetClaims(),
        mappings=ports.mappings,
        stream=SqlStream(),
        assignments=SqlAssignments(),
    )
    cancel = commands.CancelMigrationHandler(ports.clock, SqlCounters(), SqlStream())
    return (commands.StartMigration.handled_by(start), commands.CancelMigration.handled_by(cancel))


def _steering(ports: Ports) -> tuple[Binding, ...]:
    restart = steering.Restart(ports.clock, SqlTargetClaims(), SqlStream(), SqlAssignments(), SqlResumption())
    return (
        steering.PauseMigration.handled_by(steering.PauseMigrationHandler(ports.clock, SqlStream())),
        steering.ResumeMigration.handled_by(steering.ResumeMigrationHandler(restart)),
        replaying.ReplayRejects.handled_by(
            replaying.ReplayRejectsHandler(
                SqlTargetClaims(),
                StoredReplayer(ports.database, SqlCredentials(ports.database, ports.envelope, ports.files)),
            )
        ),
        steering.RetryDeadChunks.handled_by(steering.RetryDeadChunksHandler(restart)),
        rolling_back.RollbackMigration.handled_by(
            rolling_back.RollbackMigrationHandler(
                ports.clock, SqlTargetClaims(), SqlStream(), SqlAssignments(), SqlRollbacks()
            )
        ),
    )


def _facts(ports: Ports) -> tuple[Binding, ...]:
    desk = facts.Desk(ports.clock, SqlStream(), SqlCounters(), SqlAssignments(), SqlReports())
    return (
        facts.NotePlanning.handled_by(facts.NotePlanningHandler(desk)),
        facts.NotePlanned.handled_by(facts.NotePlannedHandler(desk)),
        facts.NoteTables.handled_by(facts.NoteTablesHandler(desk)),
        facts.NoteCopied.handled_by(facts.NoteCopiedHandler(desk)),
        facts.NoteCompleted.handled_by(facts.NoteCompletedHandler(desk)),
        facts.NoteFailed.handled_by(facts.NoteFailedHandler(desk)),
        facts.NotePaused.handled_by(facts.NotePausedHandler(desk)),
        facts.NoteCancelled.handled_by(facts.NoteCancelledHandler(desk)),
        rolling_back.NoteRolledBack.handled_by(rolling_back.NoteRolledBackHandler(desk, SqlRollbacks())),
        rolling_back.NoteRollbackFailed.handled_by(rolling_back.NoteRollbackFailedHandler(desk, SqlRollbacks())),
    )


def _queries(ports: Ports) -> tuple[Binding, ...]:
    reader, follower = SqlMigrationReader(ports.database), SqlMigrationFollower(ports.database, ports.feed)
    return (
        queries.GetMigrationsByIds.handled_by(queries.GetMigrationsByIdsHandler(reader)),
        queries.GetMigrations.handled_by(queries.GetMigrationsHandler(reader)),
        queries.GetMigrationsOfProjects.handled_by(queries.GetMigrationsOfProjectsHandler(reader)),
        queries.GetLastMigrations.handled_by(queries.GetLastMigrationsHandler(reader)),
        queries.GetMigrationStatus.handled_by(queries.GetMigrationStatusHandler(reader)),
        queries.GetMigrationProgress.handled_by(queries.GetMigrationProgressHandler(reader)),
        queries.GetMigrationLogs.handled_by(queries.GetMigrationLogsHandler(reader)),
        queries.GetMigrationReport.handled_by(queries.GetMigrationReportHandler(reader)),
        queries.GetMigrationOutlook.handled_by(queries.GetMigrationOutlookHandler(reader)),
        queries.GetMigrationRejects.handled_by(queries.GetMigrationRejectsHandler(reader)),
        queries.GetRollbackGuarantees.handled_by(queries.GetRollbackGuaranteesHandler(reader)),
        queries.GetMigrationRollback.handled_by(queries.GetMigrationRollbackHandler(reader)),
        foreseeing.ForeseeRollback.handled_by(_foresees(ports)),
        queries.GetDeadChunks.handled_by(queries.GetDeadChunksHandler(reader)),
        queries.FollowMigration.handled_by(queries.FollowMigrationHandler(follower)),
        queries.FollowMigrationLog.handled_by(queries.FollowMigrationLogHandler(follower)),
        queries.MayViewMigration.handled_by(queries.MayViewMigrationHandler()),
    )


def _foresees(ports: Ports) -> foreseeing.ForeseeRollbackHandler:
    forecaster = LiveForecaster(SqlCredentials(ports.database, ports.envelope, ports.files))
    return foreseeing.ForeseeRollbackHandler(
        SqlConnectionReader(ports.database), ports.mappings, forecaster, ports.throttle
    )
