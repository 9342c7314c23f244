"""The demonstration's story, told entirely through the API: from signing up to a verified copy."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.connections.values import Endpoint
from workers.demo.client import ApiFailed, Client, Json

BATCH_ROWS = 25_000

_EVENTS = """
subscription($id: ID!) {
  migrationEvents(id: $id) {
    sequence kind status
    progress { phase processedRecords totalRecords percentage tables { name phase rowsWritten rowsTotal } }
    table { name phase rowsWritten rowsTotal }
    error { code message }
    pauseReason { code message }
  }
}
"""

_REPORT = """
query($id: ID!) {
  migrationReport(id: $id) {
    status seconds rowsPerSecond consistency
    tables { name rowsRead rowsWritten rowsRejected verified }
    objects { created replaced { name reason } skipped { name reason } }
  }
}
"""


class Stage(Protocol):
    """Where the story is shown."""

    def say(self, line: str) -> None:
        """Tell of a step."""
        ...

    def progress(self, event: Json) -> None:
        """Show how far the migration has come."""
        ...


@dataclass(frozen=True)
class Account:
    """The user of the demonstration."""

    email: str
    password: str


async def tell(api: str, source: Path, target: Endpoint, stage: Stage) -> tuple[Account, Json]:
    """Migrate `source` into `target` through the API, and return the user and the report.

    Raises:
        ApiFailed: a step was refused, or the migration did not succeed.
    """
    client = Client(api)
    account = await _sign_up(client)
    stage.say(f"Signed up as {account.email}, and signed in.")
    project_id = await _project(client)
    source_id = await _connection(client, project_id, "flights-sqlite", {"isSource": True, "isTarget": False}, source)
    target_id = await _connection(
        client, project_id, "flights-postgresql", {"isSource": False, "isTarget": True}, target
    )
    stage.say("Made a project with two connections, and tested both.")
    config = {"sourceConnectionId": source_id, "targetConnectionId": target_id, "batchSize": BATCH_ROWS}
    started = await client.tell(
        "startMigration",
        "StartMigrationInput",
        {"projectId": project_id, "config": config},
        "... on MigrationSuccess { migration { id } }",
    )
    migration_id = started["migration"]["id"]
    stage.say(f"Started migration {migration_id}; what follows comes from the subscription migrationEvents.")
    await _follow(client, migration_id, stage)
    report: Json = (await client.ask(_REPORT, {"id": migration_id}))["migrationReport"]
    return account, report


async def _sign_up(client: Client) -> Account:
    account = Account(f"demo-{secrets.token_hex(4)}@example.org", secrets.token_urlsafe(18))
    credentials = {"email": account.email, "password": account.password}
    person = {**credentials, "firstName": "Demo", "lastName": "User"}
    await client.tell("registerUser", "RegisterUserInput", person, "... on RegisterUserSuccess { userId }")
    session = "... on SessionSuccess { session { accessToken } }"
    client.token = (await client.tell("signIn", "SignInInput", credentials, session))["session"]["accessToken"]
    return account


async def _project(client: Client) -> str:
    """Return the id of a new active project in a new organisation."""
    founded = await client.tell(
        "createOrganization",
        "CreateOrganizationInput",
        {"name": "Demonstration"},
        "... on CreateOrganizationSuccess { organization { id } }",
    )
    input_ = {"organizationId": founded["organization"]["id"], "name": "nycflights13"}
    selection = "... on ProjectSuccess { project { id } }"
    made = await client.tell("createProject", "CreateProjectInput", input_, selection)
    project_id: str = made["project"]["id"]
    active = {"projectId": project_id, "newStatus": "ACTIVE"}
    await client.tell("updateProjectStatus", "UpdateProjectStatusInput", active, selection)
    return project_id


async def _connection(client: Client, project_id: str, name: str, role: Json, place: Path | Endpoint) -> str:
    """Return the id of a new connection that has passed its test."""
    input_: Json = {"projectId": project_id, "name": name, **role}
    if isinstance(place, Path):
        input_ |= {"type": "SQLITE", "config": {"path": str(place)}}
    else:
        config = {"host": place.host, "port": place.port, "database": place.database, "username": place.username}
        input_ |= {
            "type": place.engine.value,
            "config": config,
            "credentials": {"password": place.password.reveal()},
        }
    selection = "... on ConnectionSuccess { connection { id } }"
    made = await client.tell("createConnection", "CreateConnectionInput", input_, selection)
    id_: str = made["connection"]["id"]
    tested = await client.tell(
        "testConnection",
        "TestConnectionInput",
        {"connectionId": id_},
        "... on TestConnectionSuccess { test { success message } }",
    )
    if not tested["test"]["success"]:
        raise ApiFailed(f"connection {name}: {tested['test']['message']}")
    return id_


async def _follow(client: Client, migration_id: str, stage: Stage) -> None:
    """Show the migration's events up to the last one, which must tell of success; nobody would resume a pause."""
    last: Json = {}
    async for data in client.follow(_EVENTS, {"id": migration_id}):
        event: Json = data["migrationEvents"]
        if last and event["sequence"] != last["sequence"] + 1:
            raise ApiFailed(f"event {event['sequence']} came after {last['sequence']}")
        stage.progress(event)
        last = event
        if event["pauseReason"]:
            break
    if last.get("status") != "COMPLETED":
        error = (
            last.get("error") or last.get("pauseReason") or {"message": f"the stream ended while {last.get('status')}"}
        )
        raise ApiFailed(f"the migration did not succeed: {error['message']}")
