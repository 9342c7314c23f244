"""The binding table: every request and the handler that answers it, with the ports it needs."""

from __future__ import annotations

from dataclasses import dataclass

from domain.auth import commands as auth
from domain.auth import queries as auth_queries
from domain.auth.ports import Throttle
from domain.kernel.messages import Binding
from domain.projects import commands as projects
from domain.projects import queries as project_queries
from infra.clock import SystemClock, SystemIds
from infra.crypto.passwords import Argon2Hasher
from infra.crypto.tokens import TokenIssuer
from infra.db.database import Database
from infra.db.readers.auth import SqlAuthReader
from infra.db.readers.projects import SqlProjectReader
from infra.db.stores.auth import SqlAccounts, SqlSessions


@dataclass(frozen=True)
class Ports:
    """What handlers are made of."""

    clock: SystemClock
    ids: SystemIds
    database: Database
    hasher: Argon2Hasher
    tokens: TokenIssuer
    throttle: Throttle


def bindings(ports: Ports) -> tuple[Binding, ...]:
    """Return the table."""
    return (*_auth(ports), *_projects(ports))


def _auth(ports: Ports) -> tuple[Binding, ...]:
    clock, ids, hasher, tokens, throttle = ports.clock, ports.ids, ports.hasher, ports.tokens, ports.throttle
    accounts, sessions, reader = SqlAccounts(ports.database), SqlSessions(ports.database), SqlAuthReader(ports.database)
    return (
        auth.RegisterUser.handled_by(auth.RegisterUserHandler(ids, clock, hasher, accounts, throttle)),
        auth.SignIn.handled_by(auth.SignInHandler(ids, clock, hasher, accounts, sessions, tokens, throttle)),
        auth.RefreshSession.handled_by(auth.RefreshSessionHandler(clock, sessions, tokens)),
        auth.SignOut.handled_by(auth.SignOutHandler(clock, sessions)),
        auth.CreateOrganization.handled_by(auth.CreateOrganizationHandler(ids, clock)),
        auth_queries.GetUsersByIds.handled_by(auth_queries.GetUsersByIdsHandler(reader)),
        auth_queries.GetOrganizations.handled_by(auth_queries.GetOrganizationsHandler(reader)),
    )


def _projects(ports: Ports) -> tuple[Binding, ...]:
    clock, reader, directory = ports.clock, SqlProjectReader(ports.database), SqlAuthReader(ports.database)
    return (
        projects.CreateProject.handled_by(projects.CreateProjectHandler(ports.ids, clock)),
        projects.UpdateProjectStatus.handled_by(projects.UpdateProjectStatusHandler(clock)),
        projects.AssignUserToProject.handled_by(projects.AssignUserToProjectHandler(clock, directory)),
        project_queries.GetProjectsByIds.handled_by(project_queries.GetProjectsByIdsHandler(reader)),
        project_queries.GetProjects.handled_by(project_queries.GetProjectsHandler(reader)),
        project_queries.GetProjectMembers.handled_by(project_queries.GetProjectMembersHandler(reader)),
        project_queries.GetProjectHistory.handled_by(project_queries.GetProjectHistoryHandler(reader)),
    )
