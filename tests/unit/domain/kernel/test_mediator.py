"""The mediator and the order of the behaviours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from domain.kernel.access import SIGNED_IN, Right, Subject, needs
from domain.kernel.behaviors import pipeline
from domain.kernel.errors import (
    ConcurrencyConflict,
    Conflict,
    Forbidden,
    NotFound,
    Unauthenticated,
    ValidationFailed,
)
from domain.kernel.mediator import Mediator
from domain.kernel.messages import Command, Query, Request, answer_type
from domain.kernel.scope import Principal, Scope
from domain.kernel.work import Work

USER, PROJECT = UUID(int=1), UUID(int=2)
SIGNED = Scope(Principal(USER, UUID(int=9)), "request-1")
ANONYMOUS = Scope(None, "request-2")


@dataclass(frozen=True, kw_only=True)
class Rename(Command[UUID]):
    """A command for these tests."""

    guard = needs(Right.EDIT, Subject.PROJECT, "project_id")

    project_id: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class Look(Query[str]):
    """A query for these tests."""

    guard = SIGNED_IN
    cache_s = 60.0

    what: str = "that"


@dataclass
class Diary:
    """Plays every port of the pipeline and writes down what happens, in order."""

    rights_held: frozenset[Right] = frozenset(Right)
    lines: list[str] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[str, UUID]] = field(default_factory=dict)

    def done(self, name: str, request_id: str, seconds: float) -> None:
        self.lines.append(f"done {name}")

    def failed(self, name: str, request_id: str, seconds: float, error: BaseException) -> None:
        self.lines.append(f"failed {type(error).__name__}")

    async def rights(self, user_id: UUID, subject: Subject, id_: UUID) -> frozenset[Right]:
        self.lines.append("authorize")
        return self.rights_held

    def __call__(self, request: Request[Any]) -> Request[Any]:
        self.lines.append("validate")
        if isinstance(request, Rename) and not request.name:
            raise ValidationFailed("A name, please.")
        return request

    async def get_or_make(self, key: str, ttl_s: float, shape: type[Any], make: Callable[[], Awaitable[Any]]) -> Any:
        self.lines.append("cache")
        if key not in self.kept:
            self.kept[key] = await make()
        return self.kept[key]

    @asynccontextmanager
    async def open_work(self, scope: Scope) -> AsyncIterator[FakeWork]:
        self.lines.append("begin")
        yield FakeWork(scope, self)


@dataclass
class FakeWork:
    """A unit of work that only notes what it is told."""

    scope: Scope
    diary: Diary

    async def load(self, aggregate: type[Any], id_: UUID) -> Any:
        raise NotFound("there is nothing here")

    def add(self, aggregate: Any) -> None:
        self.diary.lines.append("add")

    def enqueue(self, job: Any) -> None:
        self.diary.lines.append("enqueue")

    def signal(self, signal: Any) -> None:
        self.diary.lines.append("signal")

    async def commit(self) -> None:
        self.diary.lines.append("commit")

    async def recall(self, request_name: str, fingerprint: str) -> UUID | None:
        known = self.diary.answers.get(self.scope.idempotency_key)
        if known is None:
            return None
        if known[0] != fingerprint:
            raise Conflict("another request has this key")
        return known[1]

    async def remember(self, request_name: str, fingerprint: str, answer: UUID) -> None:
        self.diary.answers[self.scope.idempotency_key] = (fingerprint, answer)


def mediator_with(
    diary: Diary, rename: Callable[[Rename, Work], Awaitable[UUID]], look: Callable[[Look, Scope], Awaitable[str]]
) -> Mediator:
    behaviors = pipeline(log=diary, access=diary, validator=diary, cache=diary, open_work=diary.open_work)
    return Mediator([Rename.handled_by(rename), Look.handled_by(look)], behaviors)


def a_mediator(diary: Diary) -> Mediator:
    async def rename(command: Rename, work: Work) -> UUID:
        diary.lines.append("handle")
        return command.project_id

    async def look(query: Look, scope: Scope) -> str:
        diary.lines.append("handle")
        return f"{query.what} for {scope.user_id}"

    return mediator_with(diary, rename, look)


async def test_a_command_passes_the_behaviours_in_their_order() -> None:
    diary = Diary()

    await a_mediator(diary).send(Rename(project_id=PROJECT, name="x"), SIGNED)

    assert diary.lines == ["authorize", "validate", "begin", "handle", "commit", "done Rename"]


async def test_a_cached_answer_is_given_only_to_who_asked_before() -> None:
    diary = Diary()
    mediator = a_mediator(diary)
    other = Scope(Principal(UUID(int=3), UUID(int=9)), "request-3")

    answers = [await mediator.send(Look(), scope) for scope in (SIGNED, SIGNED, other)]

    assert answers == [f"that for {USER}", f"that for {USER}", f"that for {UUID(int=3)}"]
    assert diary.lines.count("handle") == 2
    with pytest.raises(Unauthenticated):
        await mediator.send(Look(), ANONYMOUS)


@pytest.mark.parametrize(
    ("held", "error"),
    [(frozenset(), NotFound), (frozenset({Right.VIEW}), Forbidden)],
    ids=["out of reach", "seen but not allowed"],
)
async def test_a_command_without_the_right_opens_no_transaction(held: frozenset[Right], error: type[Exception]) -> None:
    diary = Diary(rights_held=held)

    with pytest.raises(error):
        await a_mediator(diary).send(Rename(project_id=PROJECT, name="x"), SIGNED)

    assert "begin" not in diary.lines


async def test_an_invalid_command_opens_no_transaction() -> None:
    diary = Diary()

    with pytest.raises(ValidationFailed):
        await a_mediator(diary).send(Rename(project_id=PROJECT, name=""), SIGNED)

    assert diary.lines == ["authorize", "validate", "failed ValidationFailed"]


async def test_a_transient_failure_is_tried_again_in_a_new_transaction() -> None:
    diary, failures = Diary(), [ConcurrencyConflict("first"), ConcurrencyConflict("second")]

    async def rename(command: Rename, work: Work) -> UUID:
        if failures:
            raise failures.pop()
        return command.project_id

    async def look(query: Look, scope: Scope) -> str:
        return ""

    answer = await mediator_with(diary, rename, look).send(Rename(project_id=PROJECT, name="x"), SIGNED)

    assert answer == PROJECT
    assert (diary.lines.count("begin"), diary.lines.count("commit")) == (3, 1)


async def test_a_terminal_failure_is_not_tried_again() -> None:
    diary = Diary()

    async def rename(command: Rename, work: Work) -> UUID:
        raise Conflict("no")

    async def look(query: Look, scope: Scope) -> str:
        return ""

    with pytest.raises(Conflict):
        await mediator_with(diary, rename, look).send(Rename(project_id=PROJECT, name="x"), SIGNED)

    assert diary.lines.count("begin") == 1
    assert "commit" not in diary.lines


async def test_a_repeated_idempotency_key_gets_the_first_answer_without_a_second_run() -> None:
    diary = Diary()
    mediator = a_mediator(diary)
    keyed = Scope(SIGNED.principal, "request-4", idempotency_key="k")

    first = await mediator.send(Rename(project_id=PROJECT, name="x"), keyed)
    again = await mediator.send(Rename(project_id=PROJECT, name="x"), keyed)

    assert first == again
    assert diary.lines.count("handle") == 1
    with pytest.raises(Conflict):
        await mediator.send(Rename(project_id=PROJECT, name="y"), keyed)


def test_a_request_is_bound_once_and_says_who_may_send_it() -> None:
    async def look(query: Look, scope: Scope) -> str:
        return ""

    class Unguarded(Query[str]):
        """A query without a guard."""

    async def unguarded(query: Unguarded, scope: Scope) -> str:
        return ""

    with pytest.raises(ValueError, match="bound twice"):
        Mediator([Look.handled_by(look), Look.handled_by(look)], ())
    with pytest.raises(ValueError, match="does not say who"):
        Mediator([Unguarded.handled_by(unguarded)], ())


def test_a_request_class_knows_the_type_of_its_answer() -> None:
    assert answer_type(Look) is str
    assert answer_type(Rename) is UUID
