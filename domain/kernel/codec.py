"""Frozen shapes to JSON and back, without loss.

For what must be stored or hashed and has no other serialiser at hand: plans, tickets, reports.
Every dataclass carries its class name, so members of a union that share all their fields (the
logical types Date and Uuid) stay apart. A field that is missing takes its default, so a shape may
grow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Literal, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from domain.kernel.errors import ValidationFailed

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]

T = TypeVar("T")

Decoder = Callable[[JsonValue], object]

_SCALARS = frozenset({bool, int, float, str, NoneType})

_TAG = "is"


def to_json(value: object) -> JsonValue:
    """Return a shape built of frozen dataclasses, enums, tuples and plain values as JSON.

    Raises:
        TypeError: the shape holds something else, for instance a secret.
    """
    type_ = type(value)
    if type_ in _SCALARS:
        return cast(JsonValue, value)
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Enum):
        return to_json(value.value)
    if is_dataclass(type_):
        body: dict[str, JsonValue] = {_TAG: type_.__name__}
        body.update({name: to_json(getattr(value, name)) for name in _field_names(type_)})
        return body
    message = f"{type_.__name__} has no JSON form"
    raise TypeError(message)


def from_json(type_: type[T], data: JsonValue) -> T:
    """Return the shape that `to_json` was given.

    Raises:
        ValidationFailed: the JSON does not describe a shape of this type.
    """
    return cast(T, _decoder(cast(object, type_))(data))


def fingerprint(value: object) -> str:
    """Return the SHA-256 of a shape's JSON in hex digits; equal shapes have equal fingerprints."""
    text = json.dumps(to_json(value), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def shape_of(type_: type) -> str:
    """Return a fingerprint of what the JSON of a type is made of: its classes, their fields and the types of these."""
    found: dict[str, JsonValue] = {}
    waiting: list[object] = [type_]
    while waiting:
        hint = waiting.pop()
        if isinstance(hint, NewType):
            waiting.append(hint.__supertype__)
        elif isinstance(hint, type) and is_dataclass(hint) and hint.__name__ not in found:
            hints = get_type_hints(hint)
            found[hint.__name__] = {name: repr(hints[name]) for name in _field_names(hint)}
            waiting += hints.values()
        elif isinstance(hint, type) and issubclass(hint, Enum):
            found[hint.__name__] = [to_json(member.value) for member in hint]
        else:
            waiting += get_args(hint)
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


@cache
def _decoder(hint: object) -> Decoder:
    """Return what reads values of a declared type; made once per type, since a schema has many values of few types."""
    if isinstance(hint, NewType):
        return _decoder(hint.__supertype__)
    origin = get_origin(hint)
    if origin is Union or origin is UnionType:
        return _UnionDecoder(get_args(hint))
    if origin is Literal:
        return _ChoiceDecoder(hint, {value: value for value in get_args(hint)})
    if origin is tuple:
        return _TupleDecoder(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _ChoiceDecoder(hint, {member.value: member for member in hint})
    if isinstance(hint, type) and is_dataclass(hint):
        return _ClassDecoder(hint)
    return _PlainDecoder(hint)


@dataclass(frozen=True)
class _PlainDecoder:
    """Reads values that JSON has itself."""

    hint: object

    def __call__(self, data: JsonValue) -> object:
        if type(data) is self.hint or (self.hint is float and type(data) is int):
            return data
        raise _unexpected(self.hint, data)


@dataclass(frozen=True)
class _ChoiceDecoder:
    """Reads enum members and literals."""

    hint: object
    choices: dict[object, object]

    def __call__(self, data: JsonValue) -> object:
        if isinstance(data, list | dict) or data not in self.choices:
            raise _unexpected(self.hint, data)
        return self.choices[data]


@dataclass(frozen=True)
class _TupleDecoder:
    """Reads tuples, of any length where the last member is an ellipsis."""

    members: tuple[object, ...]

    def __call__(self, data: JsonValue) -> object:
        if not isinstance(data, list):
            raise _unexpected(tuple, data)
        if self.members[-1:] == (Ellipsis,):
            decode = _decoder(self.members[0])
            return tuple([decode(item) for item in data])
        if len(data) != len(self.members):
            raise _unexpected(tuple, data)
        return tuple(_decoder(member)(item) for member, item in zip(self.members, data, strict=True))


class _ClassDecoder:
    """Reads one dataclass. Its fields' types are looked at when the first one is read, so it may hold itself."""

    def __init__(self, class_: type) -> None:
        self._class = class_

    @cached_property
    def _fields(self) -> dict[str, Decoder]:
        hints = get_type_hints(self._class)
        return {name: _decoder(hints[name]) for name in _field_names(self._class)}

    def __call__(self, data: JsonValue) -> object:
        if not isinstance(data, dict) or data.get(_TAG) != self._class.__name__:
            raise _unexpected(self._class, data)
        known = self._fields
        return self._class(**{name: known[name](item) for name, item in data.items() if name in known})


class _UnionDecoder:
    """Reads by the one member that can hold such data: the class of that tag, the tuple, the plain type."""

    def __init__(self, members: tuple[object, ...]) -> None:
        self._members = members
        self._tagged = {member.__name__: member for member in members if isinstance(member, type)}

    def __call__(self, data: JsonValue) -> object:
        member = self._tagged.get(str(data.get(_TAG))) if isinstance(data, dict) else self._suited(type(data))
        if member is None:
            raise _unexpected(self._members, data)
        return _decoder(member)(data)

    def _suited(self, type_: type) -> object:
        for member in self._members:
            if type_ is list:
                suits = get_origin(member) is tuple
            else:
                suits = type_ is member or (isinstance(member, type) and issubclass(member, Enum))
            if suits:
                return member
        return None


@cache
def _field_names(class_: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(class_))


def _unexpected(hint: object, data: JsonValue) -> ValidationFailed:
    found = data.get(_TAG, "an object") if isinstance(data, dict) else type(data).__name__
    name = hint.__name__ if isinstance(hint, type) else str(hint)
    return ValidationFailed(f"stored data of another version: expected {name}, found {found}")
