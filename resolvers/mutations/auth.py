"""Fields that sign people up, in and out."""

from __future__ import annotations

from typing import Annotated

import strawberry

from domain.auth.commands import CreateOrganization, RefreshSession, RegisterUser, SignIn, SignOut
from domain.auth.queries import GetOrganizations
from domain.kernel.errors import Unauthenticated
from schema.auth import (
    CreateOrganizationResult,
    CreateOrganizationSuccess,
    RefreshSessionResult,
    RegisterUserResult,
    RegisterUserSuccess,
    SessionSuccess,
    SignInResult,
    SignOutResult,
    SignOutSuccess,
)
from schema.context import Info

Input = strawberry.argument(description="What is asked.")


async def register_user(info: Info, input: Annotated[RegisterUser, Input]) -> RegisterUserResult:  # noqa: A002
    """Sign up. Then sign in with the same address and password."""
    return RegisterUserSuccess(user_id=await info.context.send(input))


async def sign_in(info: Info, input: Annotated[SignIn, Input]) -> SignInResult:  # noqa: A002
    """Start a session. Its access token lasts 10 minutes; refreshSession buys the next."""
    session = await info.context.send(input)
    if session is None:
        raise Unauthenticated("The e-mail address or the password is wrong.")
    return SessionSuccess(session=session)


async def refresh_session(info: Info, input: Annotated[RefreshSession, Input]) -> RefreshSessionResult:  # noqa: A002
    """Buy a session's next tokens. A refresh token works once; a second use ends the session."""
    session = await info.context.send(input)
    if session is None:
        raise Unauthenticated("The session has ended. Sign in again.")
    return SessionSuccess(session=session)


async def sign_out(info: Info) -> SignOutResult:
    """End the session that this request came with."""
    await info.context.send(SignOut())
    return SignOutSuccess(signed_out=True)


async def create_organization(info: Info, input: Annotated[CreateOrganization, Input]) -> CreateOrganizationResult:  # noqa: A002
    """Found an organisation. You become its owner."""
    id_ = await info.context.send(input)
    mine = await info.context.send(GetOrganizations())
    return CreateOrganizationSuccess(organization=next(each for each in mine if each.id == id_))
