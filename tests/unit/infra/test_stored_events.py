"""Events of every version that was ever stored can be read: one of each is kept in `stored_events.jsonl`, for good.

A line is never changed. An event whose shape changes gets a higher version, an upcaster, and a line more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.db.event_codec import EVENT_TYPES, decode, encode

Json = dict[str, Any]

STORED: list[Json] = [
    json.loads(line) for line in (Path(__file__).parent / "stored_events.jsonl").read_text("utf-8").splitlines()
]


def name_of(stored: Json) -> str:
    return f"{stored['name']}-{stored['version']}"


def keeps(now: object, stored: object) -> bool:
    """Tell whether nothing is lost of what was stored; there may be more: fields that came later have defaults."""
    if isinstance(stored, dict):
        return isinstance(now, dict) and all(key in now and keeps(now[key], stored[key]) for key in stored)
    if isinstance(stored, list):
        return isinstance(now, list) and len(now) == len(stored) and all(map(keeps, now, stored))
    return type(now) is type(stored) and now == stored


def test_an_event_of_every_version_is_kept() -> None:
    versions = {(name, version) for name, type_ in EVENT_TYPES.items() for version in range(1, type_.version + 1)}

    assert {(stored["name"], stored["version"]) for stored in STORED} == versions
    assert len(STORED) == len(versions)


@pytest.mark.parametrize("stored", STORED, ids=name_of)
def test_a_stored_event_is_read_with_all_that_it_says(stored: Json) -> None:
    event = decode(stored["name"], stored["version"], stored["data"])

    assert type(event).__name__ == stored["name"]
    if stored["version"] == event.version:
        assert keeps(encode(event), stored["data"])


def test_an_event_of_a_later_version_is_refused() -> None:
    stored = STORED[0]

    with pytest.raises(ValueError, match="newer release"):
        decode(stored["name"], EVENT_TYPES[stored["name"]].version + 1, stored["data"])
