"""Reads that many subscribers share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from infra.db.readers.following import KEPT_MAX, READ_MAX, Shared, SharedRead, Tail


@dataclass(frozen=True)
class Item:
    sequence: int


class Stream:
    """A stream that grows, and counts how often it is read."""

    def __init__(self, length: int = 0) -> None:
        self.length = length
        self.first = 1
        self.reads: list[int] = []
        self.began, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def read(self, known: int, limit: int) -> tuple[Item, ...]:
        self.reads.append(known)
        self.began.set()
        length = self.length
        await self.gate.wait()
        numbers = range(max(known + 1, self.first), length + 1)
        return tuple(Item(number) for number in numbers[:limit])


async def test_those_who_ask_together_share_one_read() -> None:
    stream = Stream(3)
    tail = Tail(stream.read, latest=0)

    answers = await asyncio.gather(*(tail.after(0, fresh=True) for _ in range(200)))

    assert all([item.sequence for item in answer] == [1, 2, 3] for answer in answers)
    assert stream.reads == [0]


async def test_who_asks_while_a_read_goes_on_gets_one_that_began_afterwards() -> None:
    stream = Stream(1)
    tail = Tail(stream.read, latest=0)
    stream.gate.clear()
    early = asyncio.create_task(tail.after(0, fresh=True))
    await stream.began.wait()

    stream.length = 2
    late = [asyncio.create_task(tail.after(1, fresh=True)) for _ in range(10)]
    await asyncio.sleep(0)
    stream.gate.set()

    assert [item.sequence for item in await early] == [1]
    assert [[item.sequence for item in answer] for answer in await asyncio.gather(*late)] == [[2]] * 10
    assert stream.reads == [0, 1]


async def test_who_only_looks_in_takes_what_another_has_just_read() -> None:
    stream = Stream(1)
    tail = Tail(stream.read, latest=0)
    await tail.after(0, fresh=False)
    stream.length = 2

    assert await tail.after(1, fresh=False) == ()
    assert len(stream.reads) == 1
    assert await tail.after(1, fresh=True) == (Item(2),)


async def test_who_has_missed_more_than_is_kept_gets_all_of_it() -> None:
    stream = Stream(3 * KEPT_MAX)
    tail = Tail(stream.read, latest=0)
    seen: list[int] = []

    while not seen or seen[-1] < stream.length:
        seen += [item.sequence for item in await tail.after(seen[-1] if seen else 0, fresh=True)]

    assert seen == list(range(1, stream.length + 1))


async def test_one_who_leaves_does_not_take_the_read_from_the_others() -> None:
    stream = Stream(1)
    tail = Tail(stream.read, latest=0)
    stream.gate.clear()
    leaving, staying = [asyncio.create_task(tail.after(0, fresh=True)) for _ in range(2)]
    await asyncio.sleep(0)

    leaving.cancel()
    stream.gate.set()

    assert await staying == (Item(1),)
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_what_is_no_longer_in_memory_is_read_for_the_one_who_wants_it() -> None:
    stream = Stream(KEPT_MAX + READ_MAX + 10)
    tail = Tail(stream.read, latest=0)
    await tail.after(0, fresh=True)

    old = await tail.after(3, fresh=False)
    new = await tail.after(stream.length - 2, fresh=False)

    assert [item.sequence for item in old] == list(range(4, 4 + READ_MAX))
    assert [item.sequence for item in new] == [stream.length - 1, stream.length]


async def test_a_gap_in_the_stream_shows_in_the_numbers() -> None:
    stream = Stream(2)
    tail = Tail(stream.read, latest=0)
    await tail.after(0, fresh=True)
    stream.first, stream.length = 10, 12

    items = await tail.after(2, fresh=True)

    assert [item.sequence for item in items] == [10, 11, 12]


async def test_a_failed_read_fails_for_all_who_share_it_and_the_next_one_begins_anew() -> None:
    answers = iter(["", "7"])

    async def read() -> int:
        answer = next(answers)
        if not answer:
            raise OSError("away")
        return int(answer)

    shared = SharedRead(read)

    failed = await asyncio.gather(shared(), shared(), return_exceptions=True)

    assert all(isinstance(each, OSError) for each in failed)
    assert await shared() == 7


def test_a_shared_thing_lives_from_its_first_user_to_its_last() -> None:
    shared: Shared[list[str]] = Shared()

    with shared.of("a", list) as first, shared.of("a", list) as second:
        assert first is second
    with shared.of("a", list) as third:
        assert third is not first
