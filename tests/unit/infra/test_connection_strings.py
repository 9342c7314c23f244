"""Connection strings are read into typed fields, and what is not listed is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.connections.config import ConnectionConfigInput
from domain.connections.values import Engine, TlsMode
from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Secret
from infra.connectors.strings import StrictConnectionStrings

STRINGS = StrictConnectionStrings()
SHOP = ConnectionConfigInput(host="db.example.org", port=6543, database="shop", username="ann")


@pytest.mark.parametrize(
    ("engine", "text", "tls"),
    [
        (Engine.POSTGRESQL, "postgresql://ann:hunter2@db.example.org:6543/shop", None),
        (Engine.POSTGRESQL, "postgres://ann:hunter2@db.example.org:6543/shop?tls=verify-full", TlsMode.VERIFY_FULL),
        (Engine.MYSQL, "mariadb://ann:hunter2@db.example.org:6543/shop?tls=disable", TlsMode.DISABLE),
        (Engine.POSTGRESQL, "Host=db.example.org;Port=6543;Database=shop;Username=ann;Password=hunter2", None),
        (Engine.POSTGRESQL, "host=db.example.org; port=6543; User ID=ann; pwd='hunter2'; Database=\"shop\";", None),
        (
            Engine.MYSQL,
            "Server=db.example.org;Port=6543;Database=shop;Uid=ann;Pwd=hunter2;SslMode=Required",
            TlsMode.REQUIRE,
        ),
    ],
)
def test_both_forms_name_the_same_fields(engine: Engine, text: str, tls: TlsMode | None) -> None:
    config, password = STRINGS.read(engine, Secret(text))

    assert config == ConnectionConfigInput(
        host=SHOP.host, port=SHOP.port, database=SHOP.database, username=SHOP.username, tls=tls
    )
    assert password.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("engine", "text", "path"),
    [
        (Engine.SQLITE, "sqlite:///shop.db", "shop.db"),
        (Engine.SQLITE, "sqlite:////data/shop.db", "/data/shop.db"),
        (Engine.DUCKDB, "duckdb:///a%20b.duckdb", "a b.duckdb"),
        (Engine.SQLITE, "Data Source=shop.db", "shop.db"),
    ],
)
def test_a_file_is_named_within_its_folder_or_as_a_whole(engine: Engine, text: str, path: str) -> None:
    assert STRINGS.read(engine, Secret(text)) == (ConnectionConfigInput(path=path), Secret(""))


@given(st.text(min_size=1, max_size=50))
@example("mysql://")
def test_any_password_can_be_written_in_quotes(password: str) -> None:
    text = "Host=h;Password='" + password.replace("'", "''") + "';Database=d"

    _, read = STRINGS.read(Engine.MYSQL, Secret(text))

    assert read.reveal() == password


@pytest.mark.parametrize(
    ("engine", "text", "says"),
    [
        (Engine.MYSQL, "postgresql://ann:hunter2@h/shop", "not one of a MYSQL database"),
        (Engine.MYSQL, "oracle://ann:hunter2@h/shop", "unknown engine"),
        (Engine.MYSQL, "mysql://ann:hunter2@h/shop?allowLoadLocalInfile=true", "unknown option allowLoadLocalInfile"),
        (Engine.MYSQL, "Host=h;Password=hunter2;AllowLoadLocalInfile=true", "unknown option AllowLoadLocalInfile"),
        (Engine.POSTGRESQL, "Host=h;Password=hunter2;Passfile=/etc/passwd", "unknown option Passfile"),
        (Engine.POSTGRESQL, "Host=h;Password=hunter2;Port=many", "the port is a number"),
        (Engine.POSTGRESQL, "Host=h;Password=hunter2;Port=70000", "port"),
        (Engine.POSTGRESQL, "Host=h;Password=hunter2;SSL Mode=Prefer", "one of Disable, Require, VerifyFull"),
        (Engine.POSTGRESQL, "Host=h;Server=other;Password=hunter2", "given twice"),
        (Engine.POSTGRESQL, "hunter2", "write it as Name=value"),
        (Engine.POSTGRESQL, "Password='hunter2", "write it as Name=value"),
        (Engine.SQLITE, "sqlite:///x.db?mode=rw&token=hunter2", "nothing else"),
        (Engine.SQLITE, "sqlite://hunter2/x.db", "nothing else"),
    ],
)
def test_what_is_not_understood_or_not_allowed_is_refused_without_repeating_it(
    engine: Engine, text: str, says: str
) -> None:
    with pytest.raises(ValidationFailed, match=says) as refused:
        STRINGS.read(engine, Secret(text))

    assert refused.value.path == ("config", "connectionString")
    assert "hunter2" not in refused.value.message
    assert refused.value.__cause__ is None


@given(st.text(max_size=200), st.sampled_from(Engine))
def test_any_text_is_read_or_refused(text: str, engine: Engine) -> None:
    try:
        STRINGS.read(engine, Secret(text))
    except ValidationFailed:
        return
