"""The three root types as tables of contents, and the schema made of them."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from domain.auth.views import Organization, User
from domain.catalog.views import SchemaAnalysis
from domain.connections.views import Connection as DatabaseConnection
from domain.connections.views import ConnectionMetrics, ConnectionStatus
from domain.mappings.views import SchemaMapping, SchemaValidation
from domain.migrations.report import RunReport
from domain.migrations.rollback import RollbackGuarantee
from domain.migrations.views import (
    DeadChunk,
    Migration,
    MigrationFrame,
    MigrationLogEntry,
    MigrationProgress,
    MigrationReject,
    MigrationRollback,
    MigrationStatusReport,
)
from domain.projects.views import Project, ProjectActivity
from resolvers.documents import limited_documents
from resolvers.failures import EXPECTED, CalmSchema, CodedErrors
from resolvers.limits import Limits
from resolvers.loaders import LoadersPerOperation
from resolvers.mutations import auth as auth_mutations
from resolvers.mutations import catalog as catalog_mutations
from resolvers.mutations import connections as connection_mutations
from resolvers.mutations import mappings as mapping_mutations
from resolvers.mutations import migrations as migration_mutations
from resolvers.mutations import projects as project_mutations
from resolvers.queries import auth as auth_queries
from resolvers.queries import catalog as catalog_queries
from resolvers.queries import connections as connection_queries
from resolvers.queries import mappings as mapping_queries
from resolvers.queries import migrations as migration_queries
from resolvers.queries import projects as project_queries
from resolvers.sharing import sharing
from resolvers.subscriptions import migrations as migration_subscriptions
from resolvers.subscriptions import projects as project_subscriptions
from schema.auth import (
    CreateOrganizationResult,
    RefreshSessionResult,
    RegisterUserResult,
    SignInResult,
    SignOutResult,
)
from schema.catalog import AnalyzeSchemaResult
from schema.connections import (
    CreateConnectionResult,
    DeleteConnectionResult,
    TestConnectionResult,
    UpdateConnectionCredentialsResult,
    UpdateConnectionResult,
)
from schema.expose import described, described_subscription
from schema.mappings import CreateSchemaMappingResult, ValidateSchemaMappingResult
from schema.migrations import (
    CancelMigrationResult,
    PauseMigrationResult,
    ReplayRejectsResult,
    ResumeMigrationResult,
    RetryDeadChunksResult,
    RollbackMigrationResult,
    StartMigrationResult,
)
from schema.paging import Connection
from schema.projects import AssignUserToProjectResult, CreateProjectResult, UpdateProjectStatusResult
from schema.scalars import SCALARS


@strawberry.type(description="What can be asked.")
class Query:
    """What can be asked."""

    viewer: User = described(auth_queries.viewer)
    organizations: list[Organization] = described(auth_queries.organizations)
    project: Project | None = described(project_queries.project)
    projects: Connection[Project] = described(project_queries.projects)
    project_history: list[ProjectActivity] = described(project_queries.project_history)
    connection: DatabaseConnection | None = described(connection_queries.connection)
    connections: Connection[DatabaseConnection] = described(connection_queries.connections)
    connection_status: ConnectionStatus = described(connection_queries.connection_status)
    connection_metrics: ConnectionMetrics = described(connection_queries.connection_metrics)
    schema_analysis: SchemaAnalysis | None = described(catalog_queries.schema_analysis)
    schema_mapping: SchemaMapping | None = described(mapping_queries.schema_mapping)
    schema_mappings: Connection[SchemaMapping] = described(mapping_queries.schema_mappings)
    schema_validation: SchemaValidation | None = described(mapping_queries.schema_validation)
    migration: Migration | None = described(migration_queries.migration)
    migrations: Connection[Migration] = described(migration_queries.migrations)
    migration_status: MigrationStatusReport = described(migration_queries.migration_status)
    migration_progress: MigrationProgress = described(migration_queries.migration_progress)
    migration_logs: Connection[MigrationLogEntry] = described(migration_queries.migration_logs)
    migration_report: RunReport | None = described(migration_queries.migration_report)
    migration_rejects: Connection[MigrationReject] = described(migration_queries.migration_rejects)
    rollback_forecast: RollbackGuarantee = described(migration_queries.rollback_forecast)
    migration_rollback: MigrationRollback | None = described(migration_queries.migration_rollback)
    dead_chunks: list[DeadChunk] = described(migration_queries.dead_chunks)


@strawberry.type(description="What can be done.")
class Mutation:
    """What can be done."""

    register_user: RegisterUserResult = described(auth_mutations.register_user)
    sign_in: SignInResult = described(auth_mutations.sign_in)
    refresh_session: RefreshSessionResult = described(auth_mutations.refresh_session)
    sign_out: SignOutResult = described(auth_mutations.sign_out)
    create_organization: CreateOrganizationResult = described(auth_mutations.create_organization)
    create_project: CreateProjectResult = described(project_mutations.create_project)
    update_project_status: UpdateProjectStatusResult = described(project_mutations.update_project_status)
    assign_user_to_project: AssignUserToProjectResult = described(project_mutations.assign_user_to_project)
    create_connection: CreateConnectionResult = described(connection_mutations.create_connection)
    test_connection: TestConnectionResult = described(connection_mutations.test_connection)
    update_connection: UpdateConnectionResult = described(connection_mutations.update_connection)
    update_connection_credentials: UpdateConnectionCredentialsResult = described(
        connection_mutations.update_connection_credentials
    )
    delete_connection: DeleteConnectionResult = described(connection_mutations.delete_connection)
    analyze_schema: AnalyzeSchemaResult = described(catalog_mutations.analyze_schema)
    create_schema_mapping: CreateSchemaMappingResult = described(mapping_mutations.create_schema_mapping)
    validate_schema_mapping: ValidateSchemaMappingResult = described(mapping_mutations.validate_schema_mapping)
    start_migration: StartMigrationResult = described(migration_mutations.start_migration)
    pause_migration: PauseMigrationResult = described(migration_mutations.pause_migration)
    resume_migration: ResumeMigrationResult = described(migration_mutations.resume_migration)
    retry_dead_chunks: RetryDeadChunksResult = described(migration_mutations.retry_dead_chunks)
    rollback_migration: RollbackMigrationResult = described(migration_mutations.rollback_migration)
    replay_rejects: ReplayRejectsResult = described(migration_mutations.replay_rejects)
    cancel_migration: CancelMigrationResult = described(migration_mutations.cancel_migration)


@strawberry.type(description="What can be followed.")
class Subscription:
    """What can be followed."""

    project_activity: ProjectActivity = described_subscription(project_subscriptions.project_activity)
    migration_events: MigrationFrame = described_subscription(migration_subscriptions.migration_events)
    migration_logs: MigrationLogEntry = described_subscription(migration_subscriptions.migration_logs)


def build_schema() -> strawberry.Schema:
    """Return the executable schema."""
    return CalmSchema(
        Query,
        Mutation,
        Subscription,
        extensions=[CodedErrors, limited_documents(Limits()), LoadersPerOperation],
        exception_handlers=EXPECTED,
        execution_context_class=sharing((MigrationFrame, MigrationLogEntry)),
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True, relay_max_results=100),
    )
