"""Handlers of the projects slice."""

from __future__ import annotations

from domain.kernel.messages import Binding
from domain.projects import commands, queries
from infra.bindings.ports import Ports
from infra.db.readers.auth import SqlAuthReader
from infra.db.readers.projects import SqlProjectReader


def bindings(ports: Ports) -> tuple[Binding, ...]:
    """Return this slice's part of the table."""
    clock, reader, directory = ports.clock, SqlProjectReader(ports.database), SqlAuthReader(ports.database)
    return (
        commands.CreateProject.handled_by(commands.CreateProjectHandler(ports.ids, clock)),
        commands.UpdateProjectStatus.handled_by(commands.UpdateProjectStatusHandler(clock)),
        commands.AssignUserToProject.handled_by(commands.AssignUserToProjectHandler(clock, directory)),
        queries.GetProjectsByIds.handled_by(queries.GetProjectsByIdsHandler(reader)),
        queries.GetProjects.handled_by(queries.GetProjectsHandler(reader)),
        queries.GetProjectMembers.handled_by(queries.GetProjectMembersHandler(reader)),
        queries.GetProjectHistory.handled_by(queries.GetProjectHistoryHandler(reader)),
    )
