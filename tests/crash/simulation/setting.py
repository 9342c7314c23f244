"""What a database for histories holds before the first of them: tables, an audit, a user with a project."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from unittest.mock import patch
from uuid import UUID

import asyncpg

from domain.auth.commands import CreateOrganization, RegisterUser
from domain.connections.commands import CreateConnection
from domain.connections.config import ConnectionConfigInput
from domain.connections.values import Engine
from domain.kernel.messages import Command
from domain.kernel.scope import Principal, Scope
from domain.kernel.values import Secret
from domain.projects.commands import CreateProject, UpdateProjectStatus
from domain.projects.values import ProjectStatus
from infra.clock import SystemClock
from infra.db.database import Database, control_store_url
from infra.db.upgrade import upgrade
from tests.crash.simulation.chance import Chance
from tests.crash.simulation.processes import Parts
from tests.crash.simulation.queue import JobQueue, SimulatedDoorbell
from tests.crash.simulation.server import wall

_AUDIT = """
CREATE SCHEMA simulation;
CREATE TABLE simulation.lease (
    number bigserial PRIMARY KEY, migration_id uuid, task text, epoch bigint, sequence bigint, state text, holder text);
CREATE TABLE simulation.claim (number bigserial PRIMARY KEY, migration_id uuid, epoch bigint, plan_epoch bigint);
CREATE TABLE simulation.undone (number bigserial PRIMARY KEY, migration_id uuid);
CREATE FUNCTION simulation.note_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO simulation.lease (migration_id, task, epoch, sequence, state, holder)
    VALUES (NEW.migration_id, NEW.task, NEW.epoch, NEW.sequence, NEW.state, NEW.holder); RETURN NEW; END $$;
CREATE FUNCTION simulation.note_claim() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO simulation.claim (migration_id, epoch, plan_epoch)
    SELECT NEW.migration_id, NEW.epoch, epoch FROM public.migration_plan WHERE migration_id = NEW.migration_id;
    RETURN NEW; END $$;
CREATE FUNCTION simulation.note_undone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO simulation.undone (migration_id) VALUES (NEW.migration_id); RETURN NEW; END $$;
CREATE TRIGGER lease_given AFTER INSERT ON migration_assignment
    FOR EACH ROW EXECUTE FUNCTION simulation.note_lease();
CREATE TRIGGER lease_changed AFTER UPDATE ON migration_assignment FOR EACH ROW
    WHEN ((OLD.state, OLD.holder, OLD.epoch, OLD.sequence)
          IS DISTINCT FROM (NEW.state, NEW.holder, NEW.epoch, NEW.sequence))
    EXECUTE FUNCTION simulation.note_lease();
CREATE TRIGGER chunk_claimed AFTER UPDATE ON migration_chunk FOR EACH ROW
    WHEN (NEW.state = 'CLAIMED') EXECUTE FUNCTION simulation.note_claim();
CREATE TRIGGER chunk_undone AFTER UPDATE ON migration_chunk FOR EACH ROW
    WHEN (OLD.state = 'DONE' AND NEW.state <> 'DONE') EXECUTE FUNCTION simulation.note_undone();
"""

_TABLES = """
SELECT schemaname || '.' || tablename AS name FROM pg_tables
WHERE schemaname = 'simulation' OR (schemaname = 'public' AND tablename ~ '^(migration|outbox|idempotency)') ORDER BY 1
"""


@dataclass(frozen=True)
class Setting:
    """Who migrates, and what from where to where."""

    user_id: UUID
    project_id: UUID
    source_id: UUID
    target_id: UUID
    reset: str
    """The statements that take back what a history leaves in the control store."""


async def prepare(dsn: str, parts: Parts) -> Setting:
    """Make an empty database ready for histories, by the commands that a user would send."""
    database = Database(control_store_url(dsn))
    try:
        await upgrade(database)
        connection = await asyncpg.connect(dsn)
        await connection.execute(_AUDIT)
        parts.settings.data_dir.mkdir(parents=True, exist_ok=True)
        for name in ("source.db", "target.db"):
            (parts.settings.data_dir / name).touch()
        dice = random.Random(0)
        with (
            patch("secrets.randbits", dice.getrandbits),
            patch("time.time_ns", lambda: 0),
            patch.object(SystemClock, "now", lambda _: wall(0)),
        ):
            setting = await _populated(database, parts)
        reset = await _reset(connection)
        await connection.close()
        return replace(setting, reset=reset)
    finally:
        await database.close()


async def _reset(connection: asyncpg.Connection) -> str:
    """Return what empties the tables that a history fills, and takes its events out of the log.

    Nothing is cleaned up in between: rows lie in a table as the history has put them there.
    """
    tables = [row["name"] for row in await connection.fetch(_TABLES)]
    for name in ("event", *tables):
        await connection.execute(f"ALTER TABLE {name} SET (autovacuum_enabled = off)")
    last = await connection.fetchval("SELECT max(position) FROM event")
    return (
        f"TRUNCATE {', '.join(tables)} RESTART IDENTITY; DELETE FROM event WHERE position > {last}; "
        f"SELECT setval(pg_get_serial_sequence('event', 'position'), {last})"
    )


async def _populated(database: Database, parts: Parts) -> Setting:
    user_id = UUID(int=1)

    async def told(command: Command[UUID]) -> UUID:
        scope = Scope(principal=Principal(user_id, UUID(int=0)), request_id="setting")
        return await mediator.send(command, scope)

    mediator = parts.container(database, _silent()).mediator
    password = Secret("correct horse battery")
    user_id = await told(RegisterUser(email="a@example.org", password=password, first_name="Ada", last_name="L"))
    organization_id = await told(CreateOrganization(name="Acme"))
    project_id = await told(CreateProject(organization_id=organization_id, name="histories"))
    await told(UpdateProjectStatus(project_id=project_id, new_status=ProjectStatus.ACTIVE))

    async def connection(name: str, *, is_source: bool) -> UUID:
        return await told(
            CreateConnection(
                project_id=project_id,
                name=name,
                type=Engine.SQLITE,
                is_source=is_source,
                is_target=not is_source,
                config=ConnectionConfigInput(path=f"{name}.db"),
            )
        )

    source_id, target_id = await connection("source", is_source=True), await connection("target", is_source=False)
    return Setting(user_id, project_id, source_id, target_id, reset="")


def _silent() -> SimulatedDoorbell:
    return SimulatedDoorbell(JobQueue(Chance(random.Random(0), is_calm=True)))
