from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.connections.values import Endpoint, Engine, TlsMode
from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Secret
from infra.connectors.urls import parse_url


def test_a_server_address_names_everything() -> None:
    assert parse_url("postgresql://ann:secret@db.example:6543/shop?schema=sales&tls=verify-full") == Endpoint(
        engine=Engine.POSTGRESQL,
        host="db.example",
        port=6543,
        database="shop",
        username="ann",
        password=Secret("secret"),
        schema="sales",
        tls=TlsMode.VERIFY_FULL,
    )


@pytest.mark.parametrize(
    ("url", "engine", "port"),
    [
        ("postgres://u@h/d", Engine.POSTGRESQL, 5432),
        ("mysql://u@h/d", Engine.MYSQL, 3306),
        ("MariaDB://u@h/d", Engine.MYSQL, 3306),
    ],
)
def test_a_server_without_port_listens_on_its_usual_one(url: str, engine: Engine, port: int) -> None:
    endpoint = parse_url(url)

    assert (endpoint.engine, endpoint.port, endpoint.tls) == (engine, port, TlsMode.DISABLE)


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_any_user_password_and_database_can_be_percent_encoded(user: str, password: str, database: str) -> None:
    encoded = [quote(text, safe="") for text in (user, password, database)]

    endpoint = parse_url(f"mysql://{encoded[0]}:{encoded[1]}@h/{encoded[2]}")

    assert (endpoint.username, endpoint.password.reveal(), endpoint.database) == (user, password, database)


def test_an_ipv6_host_stands_in_brackets() -> None:
    endpoint = parse_url("postgresql://u:p@[::1]:5433/d")

    assert (endpoint.host, endpoint.port) == ("::1", 5433)


def test_a_socket_folder_is_given_as_an_option() -> None:
    assert parse_url("postgresql://u@/d?host=/var/run/postgresql").host == "/var/run/postgresql"


def test_four_slashes_name_an_absolute_file() -> None:
    assert parse_url("sqlite:////data/none/x.db").path == "/data/none/x.db"


def test_three_slashes_name_an_absolute_file_whose_folder_is_there(tmp_path: Path) -> None:
    assert parse_url(f"duckdb://{tmp_path}/x.duckdb").path == f"{tmp_path}/x.duckdb"


def test_three_slashes_name_a_file_in_the_working_folder_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert parse_url("sqlite:///x.db").path == str(tmp_path / "x.db")
    assert parse_url("sqlite:///no-such-folder/x.db").path == str(tmp_path / "no-such-folder" / "x.db")


def test_a_file_name_may_be_percent_encoded(tmp_path: Path) -> None:
    assert parse_url(f"sqlite:///{tmp_path}/a%20b%3F.db").path == f"{tmp_path}/a b?.db"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("oracle://u:hunter2@h/d", "begins with one of"),
        ("film.db", "begins with one of"),
        ("postgresql://u:hunter2@h", "names no database"),
        ("postgresql://u:hunter2@/d", "names no host"),
        ("postgresql://h/d", "names no user"),
        ("postgresql://u:hunter2@h:many/d", "host or port that cannot be read"),
        ("postgresql://u:hunter2@[::1/d", "host or port that cannot be read"),
        ("postgresql://u:hunter2@h/d?tls=maybe", "unknown tls=maybe"),
        ("postgresql://u:hunter2@h/d?sslmod=1", "unknown option sslmod"),
        ("postgresql://u:hunter2#@h/d", "must be written %23"),
        ("sqlite://film.db", "has three slashes: sqlite:///film.db"),
        ("sqlite:///", "names no file"),
        ("sqlite:////a%00b", "holds the character NUL"),
    ],
)
def test_an_address_that_cannot_be_understood_says_why_without_its_password(url: str, says: str) -> None:
    with pytest.raises(ValidationFailed, match=says) as refused:
        parse_url(url)

    assert "hunter2" not in refused.value.message
