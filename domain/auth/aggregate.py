"""Users and organisations, and their rules."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.auth.events import MemberJoined, OrganizationCreated, OrganizationEvent, UserEvent, UserRegistered
from domain.auth.values import OrganizationRole
from domain.kernel.aggregate import Aggregate


class User(Aggregate[UserEvent]):
    """A person with an account. The password is not part of it: its hash lives in a store of its own."""

    email: str
    first_name: str
    last_name: str

    @classmethod
    def register(cls, id_: UUID, email: str, name: tuple[str, str], now: datetime) -> User:
        """Sign a person up."""
        user = cls(id_)
        first_name, last_name = name
        user.record(
            UserRegistered(occurred_at=now, user_id=id_, email=email, first_name=first_name, last_name=last_name)
        )
        return user

    def apply(self, event: UserEvent) -> None:
        """Change the state as the event says."""
        match event:
            case UserRegistered():
                self.email, self.first_name, self.last_name = event.email, event.first_name, event.last_name


class Organization(Aggregate[OrganizationEvent]):
    """A group of people who share projects."""

    def __init__(self, id_: UUID) -> None:
        super().__init__(id_)
        self.name = ""
        self.roles: dict[UUID, OrganizationRole] = {}

    @classmethod
    def found(cls, id_: UUID, name: str, founder: UUID, now: datetime) -> Organization:
        """Found an organisation; the founder is its first owner."""
        organization = cls(id_)
        organization.record(OrganizationCreated(occurred_at=now, organization_id=id_, name=name, created_by=founder))
        organization.record(
            MemberJoined(occurred_at=now, organization_id=id_, user_id=founder, role=OrganizationRole.OWNER)
        )
        return organization

    def apply(self, event: OrganizationEvent) -> None:
        """Change the state as the event says."""
        match event:
            case OrganizationCreated():
                self.name = event.name
            case MemberJoined():
                self.roles[event.user_id] = event.role
