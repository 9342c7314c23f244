"""What can be done with connections, each command with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

from annotated_types import Len

from domain.auth.ports import Throttle
from domain.connections.aggregate import Connection, Home, Setup
from domain.connections.config import ConnectionConfigInput, require_server, settled
from domain.connections.ports import (
    ConnectionProbe,
    ConnectionReader,
    ConnectionStrings,
    ConnectionUse,
    Credentials,
    FilePolicy,
    SealedFor,
    Vault,
)
from domain.connections.values import ConnectionConfig, Engine
from domain.kernel.access import Right, Subject, needs
from domain.kernel.errors import ConcurrencyConflict, Conflict, NotFound, ValidationFailed
from domain.kernel.messages import Command
from domain.kernel.ports import Clock, Ids
from domain.kernel.values import Secret
from domain.kernel.work import Work
from domain.projects.aggregate import Actor, Project
from domain.projects.commands import activity_signal


@dataclass(frozen=True, kw_only=True)
class CredentialsInput:
    """What signing in takes beside the user name."""

    password: Annotated[Secret, Len(1, 256)]
    """The database user's password. It is stored encrypted and never shown again."""


@dataclass(frozen=True)
class Places:
    """Settles where a database is, connection strings and files among it."""

    strings: ConnectionStrings
    files: FilePolicy

    def settle(
        self, type_: Engine, wanted: ConnectionConfigInput, credentials: CredentialsInput | None, *, is_source: bool
    ) -> tuple[ConnectionConfig, Secret | None]:
        """Return the config and the new password, if there is one. The file of a source must exist."""
        password = credentials.password if credentials else None
        if wanted.connection_string:
            said, inside = self.strings.read(type_, wanted.connection_string)
            wanted = replace(wanted, connection_string=None).joined_with(said)
            if inside and password:
                raise ValidationFailed("The password is given twice.", path=("credentials",))
            password = inside or password
        config = settled(type_, wanted)
        if password:
            require_server(type_)
        if type_.is_file:
            path = self.files.admit(config.path, must_exist=is_source, is_folder=type_.is_folder)
            config = replace(config, path=path)
        return config, password


@dataclass(frozen=True, kw_only=True)
class CreateConnection(Command[UUID]):
    """Make a connection to a database."""

    guard = needs(Right.EDIT, Subject.PROJECT, "project_id")

    project_id: UUID
    """The project that it will belong to."""
    name: Annotated[str, Len(1, 100)]
    """What people call it."""
    type: Engine
    """The kind of database."""
    is_source: bool = True
    """Whether data may be read from it."""
    is_target: bool = False
    """Whether data may be written to it; a test then looks for the right to write, too."""
    config: ConnectionConfigInput
    """Where the database is."""
    credentials: CredentialsInput | None = None
    """The password; a file has none."""


@dataclass(frozen=True)
class CreateConnectionHandler:
    """Makes the connection and seals its password."""

    ids: Ids
    clock: Clock
    places: Places
    vault: Vault

    async def __call__(self, command: CreateConnection, work: Work) -> UUID:
        """Make the connection and return its id. Nothing is dialled."""
        project = await work.load(Project, command.project_id)
        project.require_open()
        is_source, type_ = command.is_source, command.type
        config, password = self.places.settle(type_, command.config, command.credentials, is_source=is_source)
        id_, key_id = self.ids.new(), ""
        if password:
            key_id = await self.vault.seal(work, SealedFor(project.organization_id, id_, 1), password)
        setup = Setup(command.name, command.is_source, command.is_target, config)
        home = Home(project.id, project.organization_id)
        actor = Actor(work.scope.user_id, self.clock.now())
        work.add(Connection.create(id_, home, command.type, setup, key_id, actor))
        work.signal(activity_signal(project.id))
        return id_


@dataclass(frozen=True, kw_only=True)
class UpdateConnection(Command[UUID]):
    """Change a connection's name, use or place. What is left out stays as it is."""

    guard = needs(Right.EDIT, Subject.CONNECTION, "connection_id")

    connection_id: UUID
    """The connection's id."""
    name: Annotated[str, Len(1, 100)] | None = None
    """What people call it."""
    is_source: bool | None = None
    """Whether data may be read from it."""
    is_target: bool | None = None
    """Whether data may be written to it."""
    config: ConnectionConfigInput | None = None
    """Where the database is, as a whole: fields that are left out get their defaults."""
    credentials: CredentialsInput | None = None
    """The password. Needed again when another host, port, user or protection is set."""


@dataclass(frozen=True)
class UpdateConnectionHandler:
    """Changes the connection."""

    clock: Clock
    places: Places
    vault: Vault

    async def __call__(self, command: UpdateConnection, work: Work) -> UUID:
        """Change the connection and return its id.

        A password that is kept must not travel to another server because somebody who does not
        know it has changed the host; so a move takes the password anew.
        """
        connection = await work.load(Connection, command.connection_id)
        actor = Actor(work.scope.user_id, self.clock.now())
        setup, password = self._setup(command, connection)
        moved = setup.config.leads_elsewhere(connection.setup.config)
        if moved and connection.credentials_version and not password:
            raise ValidationFailed("Send the password again when the place changes.", path=("credentials",))
        connection.update(setup, actor)
        if password:
            await _change_password(work, connection, self.vault, password, actor)
        work.add(connection)
        work.signal(activity_signal(connection.home.project_id))
        return connection.id

    def _setup(self, command: UpdateConnection, connection: Connection) -> tuple[Setup, Secret | None]:
        now = connection.setup
        config, password = now.config, command.credentials.password if command.credentials else None
        is_source = now.is_source if command.is_source is None else command.is_source
        is_target = now.is_target if command.is_target is None else command.is_target
        if command.config:
            type_ = connection.type
            config, password = self.places.settle(type_, command.config, command.credentials, is_source=is_source)
        name = now.name if command.name is None else command.name
        return Setup(name, is_source, is_target, config), password


@dataclass(frozen=True, kw_only=True)
class UpdateConnectionCredentials(Command[UUID]):
    """Give a connection another password."""

    guard = needs(Right.EDIT, Subject.CONNECTION, "connection_id")

    connection_id: UUID
    """The connection's id."""
    new_credentials: CredentialsInput
    """What replaces the present password."""


@dataclass(frozen=True)
class UpdateConnectionCredentialsHandler:
    """Seals the new password in place of the old one."""

    clock: Clock
    vault: Vault

    async def __call__(self, command: UpdateConnectionCredentials, work: Work) -> UUID:
        """Change the password and return the connection's id."""
        connection = await work.load(Connection, command.connection_id)
        actor = Actor(work.scope.user_id, self.clock.now())
        await _change_password(work, connection, self.vault, command.new_credentials.password, actor)
        work.add(connection)
        work.signal(activity_signal(connection.home.project_id))
        return connection.id


@dataclass(frozen=True, kw_only=True)
class TestConnection(Command[UUID]):
    """Really connect to a database and look for the rights that are needed."""

    guard = needs(Right.OPERATE, Subject.CONNECTION, "connection_id")

    connection_id: UUID
    """The connection's id."""


@dataclass(frozen=True)
class TestConnectionHandler:
    """Dials first, with no transaction open, and then notes how it went."""

    clock: Clock
    reader: ConnectionReader
    credentials: Credentials
    probe: ConnectionProbe
    throttle: Throttle

    async def __call__(self, command: TestConnection, work: Work) -> UUID:
        """Test the connection and return its id; a test that fails is noted as well as one that passes."""
        user_id, id_ = work.scope.user_id, command.connection_id
        await self.throttle.admit("test-connection", work.scope.client, str(user_id))
        tested = (await self.reader.connections(user_id, (id_,))).get(id_)
        if tested is None:
            raise NotFound(f"There is no connection {id_}.")
        endpoint = await self.credentials.open(id_)
        outcome = await self.probe.test(endpoint, is_source=tested.is_source, is_target=tested.is_target)
        connection = await work.load(Connection, id_)
        setup = Setup(tested.name, tested.is_source, tested.is_target, tested.config)
        if (connection.setup, connection.credentials_version) != (setup, tested.credentials_version):
            raise ConcurrencyConflict("The connection was changed while it was being tested. Test it again.")
        connection.note_test(outcome, Actor(user_id, self.clock.now()))
        work.add(connection)
        work.signal(activity_signal(connection.home.project_id))
        return id_


@dataclass(frozen=True, kw_only=True)
class DeleteConnection(Command[UUID]):
    """Remove a connection and its password. Refused while something needs it."""

    guard = needs(Right.EDIT, Subject.CONNECTION, "connection_id")

    connection_id: UUID
    """The connection's id."""


@dataclass(frozen=True)
class DeleteConnectionHandler:
    """Removes the connection unless one of its uses objects."""

    clock: Clock
    vault: Vault
    uses: tuple[ConnectionUse, ...]

    async def __call__(self, command: DeleteConnection, work: Work) -> UUID:
        """Remove the connection and return the id that it had."""
        connection = await work.load(Connection, command.connection_id)
        for use in self.uses:
            reason = await use.reason(connection.id)
            if reason:
                raise Conflict(f"This connection cannot be deleted: {reason}")
        connection.delete(Actor(work.scope.user_id, self.clock.now()))
        await self.vault.forget(work, connection.id)
        work.add(connection)
        work.signal(activity_signal(connection.home.project_id))
        return connection.id


async def _change_password(work: Work, connection: Connection, vault: Vault, password: Secret, actor: Actor) -> None:
    """Seal a new password and note its version.

    Raises:
        ValidationFailed: the connection is a file.
    """
    require_server(connection.type)
    owner = SealedFor(connection.home.organization_id, connection.id, connection.credentials_version + 1)
    connection.change_credentials(await vault.seal(work, owner, password), actor)
