"""Projects and their rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kernel.aggregate import Aggregate
from domain.kernel.errors import Conflict
from domain.projects.events import ProjectCreated, ProjectEvent, ProjectStatusChanged, UserAssignedToProject
from domain.projects.values import TRANSITIONS, ProjectRole, ProjectStatus, project_name


@dataclass(frozen=True)
class Actor:
    """Who does something, and when."""

    user_id: UUID
    now: datetime


class Project(Aggregate[ProjectEvent]):
    """A room for migrations, with its members."""

    def __init__(self, id_: UUID) -> None:
        super().__init__(id_)
        self.organization_id = id_
        self.name = ""
        self.description = ""
        self.status = ProjectStatus.DRAFT
        self.created_at: datetime | None = None
        self.roles: dict[UUID, ProjectRole] = {}

    @classmethod
    def create(cls, id_: UUID, organization_id: UUID, name: str, description: str, actor: Actor) -> Project:
        """Make a project; its maker owns it."""
        project = cls(id_)
        project.record(
            ProjectCreated(
                occurred_at=actor.now,
                project_id=id_,
                organization_id=organization_id,
                name=project_name(name),
                description=description,
                created_by=actor.user_id,
            )
        )
        project.assign(actor.user_id, ProjectRole.OWNER, actor)
        return project

    def move_to(self, status: ProjectStatus, actor: Actor) -> None:
        """Change the status; moving to the present one changes nothing.

        Raises:
            Conflict: there is no way from the present status to that one.
        """
        if status is self.status:
            return
        if status not in TRANSITIONS[self.status]:
            ways = ", ".join(sorted(way.value for way in TRANSITIONS[self.status]))
            raise Conflict(f"A project that is {self.status.value} can become {ways}, not {status.value}.")
        self.record(
            ProjectStatusChanged(
                occurred_at=actor.now,
                project_id=self.id,
                old_status=self.status,
                new_status=status,
                changed_by=actor.user_id,
            )
        )

    def assign(self, user_id: UUID, role: ProjectRole, actor: Actor) -> None:
        """Give a user a role.

        Raises:
            Conflict: it would leave the project without an owner.
        """
        if self.roles.get(user_id) is role:
            return
        owners = {user for user, held in self.roles.items() if held is ProjectRole.OWNER}
        if owners == {user_id}:
            raise Conflict("A project needs an owner: make somebody else owner first.")
        self.record(
            UserAssignedToProject(
                occurred_at=actor.now, project_id=self.id, user_id=user_id, role=role, assigned_by=actor.user_id
            )
        )

    def require_open(self) -> None:
        """Let only a project pass that may still be changed.

        Raises:
            Conflict: it is archived.
        """
        if self.status is ProjectStatus.ARCHIVED:
            raise Conflict("The project is archived; set its status to ACTIVE first.")

    def require_active(self) -> None:
        """Let only an active project pass.

        Raises:
            Conflict: it is not active.
        """
        if self.status is not ProjectStatus.ACTIVE:
            raise Conflict(f"The project is {self.status.value}; set its status to ACTIVE first.")

    def apply(self, event: ProjectEvent) -> None:
        """Change the state as the event says."""
        match event:
            case ProjectCreated():
                self.organization_id, self.name, self.description = event.organization_id, event.name, event.description
                self.created_at = event.occurred_at
            case ProjectStatusChanged():
                self.status = event.new_status
            case UserAssignedToProject():
                self.roles[event.user_id] = event.role
