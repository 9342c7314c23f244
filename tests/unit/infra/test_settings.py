"""Settings come from the environment, are checked, and show no secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.kernel.errors import ValidationFailed
from infra.settings import PREFIX, Settings, read_settings


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def test_without_any_variable_all_state_is_below_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")

    settings = read_settings()

    assert settings.home == Path("/home/ann/.wherry")
    assert settings.data_dir == Path("/home/ann/.wherry/data")
    assert settings.credentials_key_file == Path("/home/ann/.wherry/keys/credentials.key")
    assert (settings.database_url, settings.redis_url) == (None, None)


def test_paths_follow_a_home_that_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHERRY_HOME", "state")

    assert read_settings().data_dir == tmp_path / "state" / "data"


def test_every_wrong_variable_is_named_and_none_of_their_values_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERRY_DATABASE_URL", "mysql://ann:hunter2@db/app")
    monkeypatch.setenv("WHERRY_PORT", "70000")

    with pytest.raises(ValidationFailed) as caught:
        read_settings()

    assert "WHERRY_DATABASE_URL: Value error, must be an address that starts with postgresql://" in caught.value.message
    assert "WHERRY_PORT: " in caught.value.message
    assert "hunter2" not in caught.value.message
    assert "hunter2" not in repr(caught.value.__cause__)


def test_printing_the_settings_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERRY_DATABASE_URL", "postgresql://ann:hunter2@db/app")
    monkeypatch.setenv("WHERRY_REDIS_URL", "redis://:hunter2@cache:6379/0")

    assert "hunter2" not in repr(read_settings())


def test_settings_cannot_be_changed_after_they_were_read() -> None:
    settings = read_settings()

    with pytest.raises(ValidationError):
        settings.port = 9000


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERRY_ALLOWED_ORIGINS", "https://a.example, https://b.example,")

    assert read_settings().allowed_origins == ("https://a.example", "https://b.example")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERRY_DATABASE_URL", "")

    assert read_settings().database_url is None


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
