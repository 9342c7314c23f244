"""The rules of connections."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.connections.aggregate import Connection, Home, Setup
from domain.connections.config import ConnectionConfigInput, settled
from domain.connections.events import ConnectionUpdated
from domain.connections.values import ConnectionConfig, Engine, ProbeOutcome, TlsMode
from domain.kernel.errors import ValidationFailed
from domain.projects.aggregate import Actor

ACTOR = Actor(UUID(int=1), datetime(2026, 1, 31, 12, tzinfo=UTC))
HOME = Home(UUID(int=5), UUID(int=6))
SETUP = Setup("shop", is_source=True, is_target=False, config=ConnectionConfig(host="h", port=1, database="d"))

setups = st.builds(
    Setup,
    name=st.sampled_from(["shop", "store"]),
    is_source=st.booleans(),
    is_target=st.booleans(),
    config=st.builds(ConnectionConfig, host=st.sampled_from(["h", "i"])),
)
steps = st.one_of(setups, st.sampled_from(["password", "test", "delete"]))


def a_connection(setup: Setup = SETUP, key_id: str = "k1") -> Connection:
    return Connection.create(UUID(int=7), HOME, Engine.POSTGRESQL, setup, key_id, ACTOR)


@given(st.lists(steps, max_size=20))
def test_a_replayed_connection_is_the_connection(path: list[Setup | str]) -> None:
    connection = a_connection()
    for step in path:
        match step:
            case Setup(is_source=False, is_target=False):
                with pytest.raises(ValidationFailed):
                    connection.update(step, ACTOR)
            case Setup():
                connection.update(step, ACTOR)
            case "password":
                connection.change_credentials("k2", ACTOR)
            case "test":
                connection.note_test(ProbeOutcome(success=True, latency_ms=3), ACTOR)
            case _:
                connection.delete(ACTOR)

    replayed = Connection.replay(connection.id, connection.pending)

    assert {**vars(replayed), "version": 0, "pending": ()} == {**vars(connection), "version": 0, "pending": ()}


def test_a_connection_has_a_use() -> None:
    with pytest.raises(ValidationFailed):
        a_connection(replace(SETUP, is_source=False))


def test_a_new_name_leaves_earlier_tests_standing_and_a_new_place_does_not() -> None:
    connection = a_connection()

    connection.update(SETUP, ACTOR)
    connection.update(replace(SETUP, name="store"), ACTOR)
    connection.update(replace(SETUP, name="store", config=replace(SETUP.config, database="other")), ACTOR)

    updates = [event for event in connection.pending if isinstance(event, ConnectionUpdated)]
    assert [event.moved for event in updates] == [False, True]


@pytest.mark.parametrize("host", ["a b", "/run/postgresql", "h;DROP", "h\n", "", "\\\\share", "h%2f", "h@i", "[::1]"])
def test_a_host_is_a_name_or_an_address_and_never_a_socket(host: str) -> None:
    with pytest.raises(ValidationFailed):
        settled(Engine.MYSQL, ConnectionConfigInput(host=host, database="d", username="u"))


@pytest.mark.parametrize("host", ["db", "db_1.example.org", "10.0.0.7", "::1", "2001:db8::7", "xn--bcher-kva.example"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    config = settled(Engine.MYSQL, ConnectionConfigInput(host=host, database="d", username="u"))

    assert (config.host, config.port) == (host, 3306)
    assert config.tls is (TlsMode.DISABLE if host == "::1" else TlsMode.VERIFY_FULL)
