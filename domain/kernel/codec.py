"""Frozen shapes to JSON and back, without loss.

For what must be stored or hashed and has no other serialiser at hand: plans, tickets, reports.
Every dataclass carries its class name, so members of a union that share all their fields (the
logical types Date and Uuid) stay apart. A field that is missing takes its default, so a shape may
grow.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Literal, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from domain.kernel.errors import ValidationFailed

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]

T = TypeVar("T")

_TAG = "is"


def to_json(value: object) -> JsonValue:
    """Return a shape built of frozen dataclasses, enums, tuples and plain values as JSON.

    Raises:
        TypeError: the shape holds something else, for instance a secret.
    """
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, bool | int | float | str | NoneType):
        return value
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        body: dict[str, JsonValue] = {_TAG: type(value).__name__}
        body.update({field.name: to_json(getattr(value, field.name)) for field in fields(value)})
        return body
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)


def from_json(type_: type[T], data: JsonValue) -> T:
    """Return the shape that `to_json` was given.

    Raises:
        ValidationFailed: the JSON does not describe a shape of this type.
    """
    return cast(T, _decode(type_, data))


def fingerprint(value: object) -> str:
    """Return the SHA-256 of a shape's JSON in hex digits; equal shapes have equal fingerprints."""
    text = json.dumps(to_json(value), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _decode(hint: object, data: JsonValue) -> object:
    if isinstance(hint, NewType):
        return _decode(hint.__supertype__, data)
    origin = get_origin(hint)
    if origin is Union or origin is UnionType:
        return _decode_union(get_args(hint), data)
    if origin is Literal and data in get_args(hint):
        return data
    if origin is tuple and isinstance(data, list):
        return _decode_tuple(get_args(hint), data)
    if isinstance(hint, type):
        return _decode_plain(hint, data)
    raise _unexpected(hint, data)


def _decode_plain(hint: type, data: JsonValue) -> object:
    if issubclass(hint, Enum):
        if data in {member.value for member in hint}:
            return hint(data)
    elif is_dataclass(hint):
        if isinstance(data, dict) and data.get(_TAG) == hint.__name__:
            hints = _field_hints(hint)
            return hint(**{name: _decode(hints[name], item) for name, item in data.items() if name in hints})
    elif type(data) is hint or (hint is float and type(data) is int):
        return data
    raise _unexpected(hint, data)


def _decode_union(members: tuple[object, ...], data: JsonValue) -> object:
    """Decode by the one member that can hold such data: the class of that tag, the tuple, the plain type."""
    for member in members:
        if isinstance(data, dict):
            suits = isinstance(member, type) and member.__name__ == data.get(_TAG)
        elif isinstance(data, list):
            suits = get_origin(member) is tuple
        else:
            suits = type(data) is member or (isinstance(member, type) and issubclass(member, Enum))
        if suits:
            return _decode(member, data)
    raise _unexpected(members, data)


def _decode_tuple(members: tuple[object, ...], data: list[JsonValue]) -> tuple[object, ...]:
    if members[-1:] == (Ellipsis,):
        return tuple(_decode(members[0], item) for item in data)
    return tuple(_decode(member, item) for member, item in zip(members, data, strict=True))


@cache
def _field_hints(class_: type) -> dict[str, object]:
    hints = get_type_hints(class_)
    return {field.name: hints[field.name] for field in fields(class_)}


def _unexpected(hint: object, data: JsonValue) -> ValidationFailed:
    found = data.get(_TAG, "an object") if isinstance(data, dict) else type(data).__name__
    name = hint.__name__ if isinstance(hint, type) else str(hint)
    return ValidationFailed(f"stored data of another version: expected {name}, found {found}")
