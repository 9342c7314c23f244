"""How Python's types look in GraphQL, beyond what GraphQL itself has."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLScalarType
from strawberry.types.scalar import ScalarDefinition

from domain.kernel.values import Bytes, Rows, Secret

_LONG_MAX = 2**53


def _parse_long(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LONG_MAX:
        raise ValueError("Long holds whole numbers between -2^53 and 2^53.")
    return value


def _parse_instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("A time needs its zone, such as 2026-01-31T12:00:00Z.")
    return instant.astimezone(UTC)


def _serialize_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse_secret(text: object) -> Secret:
    if not isinstance(text, str):
        raise ValueError("A secret is a string.")  # noqa: TRY004  # GraphQL reports ValueErrors to the client
    return Secret(text)


def _id_definition() -> ScalarDefinition:
    """Return GraphQL's own ID, read as a UUID.

    graphql-core refuses a second scalar called ID at its making, so this one gets the name after.
    """
    implementation = GraphQLScalarType(name="Uuid", serialize=str, parse_value=_parse_id)
    implementation.name = "ID"
    return dataclasses.replace(strawberry.scalar(name="ID"), implementation=implementation)


def _parse_id(text: object) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise ValueError("This is no id: ids are handed out by the API and look like a UUID.") from None


_LONG = strawberry.scalar(
    name="Long",
    description="A whole number between -2^53 and 2^53, as a JSON number.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
    serialize=int,
    parse_value=_parse_long,
)

SCALARS: dict[Any, Any] = {
    UUID: _id_definition(),
    Rows: _LONG,
    Bytes: _LONG,
    Secret: strawberry.scalar(
        name="Secret",
        description="A text that is only ever sent to the server: a password or a token. Send it as a variable.",
        serialize=lambda _: "***",
        parse_value=_parse_secret,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment in ISO 8601, such as 2026-01-31T12:00:00Z; answers are always in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_serialize_instant,
        parse_value=_parse_instant,
    ),
}
