"""Ids rise with time and never repeat."""

from __future__ import annotations

from uuid import RFC_4122

from infra.clock import SystemIds


def test_ids_are_of_version_7_and_differ() -> None:
    ids = SystemIds()
    made = [ids.new() for _ in range(10_000)]

    assert {(id_.version, id_.variant) for id_ in made} == {(7, RFC_4122)}
    assert len(set(made)) == len(made)


def test_a_later_id_sorts_after_one_of_an_earlier_millisecond() -> None:
    ids = SystemIds()
    made = [ids.new() for _ in range(1_000)]

    moments = [id_.int >> 80 for id_ in made]
    assert moments == sorted(moments)
