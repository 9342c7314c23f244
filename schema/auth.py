"""Users, organisations and sessions as GraphQL sees them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from domain.auth import commands, views
from schema.errors import Failure
from schema.expose import expose_input, expose_type

expose_type(views.User)
expose_type(views.Organization)
expose_type(views.Session)

expose_input(commands.RegisterUser, "RegisterUserInput")
expose_input(commands.SignIn, "SignInInput")
expose_input(commands.RefreshSession, "RefreshSessionInput")
expose_input(commands.CreateOrganization, "CreateOrganizationInput")


@strawberry.type(description="The user is registered and may sign in.")
class RegisterUserSuccess:
    """The user is registered."""

    user_id: UUID = strawberry.field(description="The new user's id.")


@strawberry.type(description="The session is open.")
class SessionSuccess:
    """The session is open."""

    session: views.Session = strawberry.field(description="The session's tokens, shown only now.")


@strawberry.type(description="The session has ended; its tokens are worth nothing any more.")
class SignOutSuccess:
    """The session has ended."""

    signed_out: bool = strawberry.field(description="Always true.")


@strawberry.type(description="The organisation exists.")
class CreateOrganizationSuccess:
    """The organisation exists."""

    organization: views.Organization = strawberry.field(description="The new organisation.")


RegisterUserResult = Annotated[RegisterUserSuccess | Failure, strawberry.union("RegisterUserResult")]
SignInResult = Annotated[SessionSuccess | Failure, strawberry.union("SignInResult")]
RefreshSessionResult = Annotated[SessionSuccess | Failure, strawberry.union("RefreshSessionResult")]
SignOutResult = Annotated[SignOutSuccess | Failure, strawberry.union("SignOutResult")]
CreateOrganizationResult = Annotated[CreateOrganizationSuccess | Failure, strawberry.union("CreateOrganizationResult")]
