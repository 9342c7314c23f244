"""Handlers of the auth slice."""

from __future__ import annotations

from domain.auth import commands, queries
from domain.kernel.messages import Binding
from infra.bindings.ports import Ports
from infra.db.readers.auth import SqlAuthReader
from infra.db.stores.auth import SqlAccounts, SqlSessions


def bindings(ports: Ports) -> tuple[Binding, ...]:
    """Return this slice's part of the table."""
    clock, ids, hasher, tokens, throttle = ports.clock, ports.ids, ports.hasher, ports.tokens, ports.throttle
    accounts, sessions, reader = SqlAccounts(ports.database), SqlSessions(ports.database), SqlAuthReader(ports.database)
    return (
        commands.RegisterUser.handled_by(commands.RegisterUserHandler(ids, clock, hasher, accounts, throttle)),
        commands.SignIn.handled_by(commands.SignInHandler(ids, clock, hasher, accounts, sessions, tokens, throttle)),
        commands.RefreshSession.handled_by(commands.RefreshSessionHandler(clock, sessions, tokens)),
        commands.SignOut.handled_by(commands.SignOutHandler(clock, sessions)),
        commands.CreateOrganization.handled_by(commands.CreateOrganizationHandler(ids, clock)),
        queries.GetUsersByIds.handled_by(queries.GetUsersByIdsHandler(reader)),
        queries.GetOrganizations.handled_by(queries.GetOrganizationsHandler(reader)),
    )
