"""Registering the domain's dataclasses and enums with Strawberry, in place.

The exposed class is the domain's own: resolvers take and return it, nothing copies it. Descriptions
come from the class docstring and from the docstring under each attribute, so what the code says of
a field is what GraphiQL shows. Calling Strawberry's decorators on existing classes is no documented
use of them; the SDL snapshot and `tests/api/test_schema.py` hold it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar, get_args, get_type_hints

import strawberry
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.enum import StrawberryEnumDefinition

C = TypeVar("C", bound=type)


def expose_type(class_: C, *, name: str | None = None, hidden: tuple[str, ...] = (), **edges: Callable[..., Any]) -> C:
    """Make a domain dataclass an output type. Each edge is a resolver that becomes a further field.

    Hidden fields are for those that GraphQL cannot show as they are; an edge may take their place.
    """
    _expose_enums(class_)
    strawberry.type(class_, name=name, description=_doc(class_))
    definition = _describe_fields(class_)
    definition.fields = [field for field in definition.fields if field.python_name not in hidden]
    add_edges(class_, **edges)
    return class_


def add_edges(class_: type, **edges: Callable[..., Any]) -> None:
    """Give an exposed output type further fields, each resolved by a function.

    A later slice hangs its things on an earlier one's this way, before the schema is built.
    """
    definition = get_object_definition(class_, strict=True)
    for python_name, resolver in edges.items():
        field = described(resolver)
        field.python_name = field.name = python_name
        field.origin = class_
        definition.fields.append(field)


def expose_input(class_: C, name: str) -> C:
    """Make a domain dataclass an input type."""
    _expose_enums(class_)
    strawberry.input(class_, name=name, description=_doc(class_))
    _describe_fields(class_)
    return class_


def described(resolver: Callable[..., Any]) -> Any:  # noqa: ANN401  # what a field is depends on where it stands
    """Return a field that a function resolves; its docstring is the description."""
    return strawberry.field(resolver=resolver, description=_doc(resolver))


def described_subscription(resolver: Callable[..., Any]) -> Any:  # noqa: ANN401  # as above
    """Return a subscription that an async generator function resolves."""
    return strawberry.subscription(resolver=resolver, description=_doc(resolver))


def _expose_enums(class_: type) -> None:
    """Register the enums that a dataclass's fields mention."""
    for hint in get_type_hints(class_).values():
        for part in (hint, *_parts(hint)):
            if isinstance(part, type) and issubclass(part, Enum):
                expose_enum(part)


def expose_enum(class_: type[Enum], name: str | None = None) -> None:
    """Make an enum of the domain one of the API, unless it is one already."""
    if hasattr(class_, "__strawberry_definition__"):
        return
    strawberry.enum(class_, name=name, description=_doc(class_))
    definition: StrawberryEnumDefinition = class_.__strawberry_definition__  # type: ignore[attr-defined]  # just set
    texts = attribute_docs(class_)
    for value in definition.values:
        value.description = texts.get(value.name)


def _parts(hint: object) -> list[object]:
    return [inner for part in get_args(hint) for inner in (part, *_parts(part))]


def _describe_fields(class_: type) -> StrawberryObjectDefinition:
    definition = get_object_definition(class_, strict=True)
    texts = attribute_docs(class_)
    for field in definition.fields:
        field.description = texts.get(field.python_name) or field.description
    return definition


def _doc(thing: object) -> str | None:
    """Return the first paragraph of a docstring; what follows is for those who read the code."""
    text = inspect.getdoc(thing)
    return " ".join(text.split("\n\n")[0].split()) if text else None


def attribute_docs(class_: type) -> dict[str, str]:
    """Return the docstrings that stand under a class's attributes, base classes included."""
    docs: dict[str, str] = {}
    for base in reversed(class_.__mro__):
        if base.__module__.startswith(("domain.", "schema.")):
            docs |= _own_attribute_docs(base)
    return docs


def _own_attribute_docs(class_: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(class_))).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    docs = {}
    for statement, following in zip(body.body, body.body[1:], strict=False):
        text = following.value.value if _is_text(following) else None  # type: ignore[attr-defined]  # _is_text knows
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]) if text:
                docs[name] = " ".join(inspect.cleandoc(text).split())
    return docs


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
