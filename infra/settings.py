"""Everything an operator can set, read once from environment variables named `WHERRY_...`.

Each setting is documented under its field; `README.md` lists them all, and a test compares the two.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.kernel.errors import ValidationFailed

PREFIX = "WHERRY_"


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises ValidationFailed naming every variable that is wrong, without repeating its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        faults = (f"{PREFIX}{'.'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in error.errors())
        raise ValidationFailed("; ".join(faults)) from None


def _scheme(*schemes: str) -> AfterValidator:
    """Return a check that an address starts with one of `schemes`."""

    def check(url: SecretStr) -> SecretStr:
        if url.get_secret_value().partition("://")[0] not in schemes:
            raise ValueError(f"must be an address that starts with {' or '.join(f'{name}://' for name in schemes)}")
        return url

    return AfterValidator(check)


def _split(text: object) -> object:
    """Return the parts of a comma-separated text, without blanks."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def _in_home(*parts: str) -> Any:  # noqa: ANN401 - pydantic's Field() stands in for any type
    """Return a default path below the home folder."""
    return Field(default_factory=lambda data: data["home"].joinpath(*parts))


def _absolute(path: Path) -> Path:
    """Return the path with `~` and the present folder written out."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - resolve() would follow links


Folder = Annotated[Path, AfterValidator(_absolute)]


class Settings(BaseSettings):
    """The settings of one process; they do not change while it runs."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    home: Folder = Path("~/.wherry")
    """The state folder: embedded servers, generated keys, file databases. Created when missing."""

    database_url: Annotated[SecretStr, _scheme("postgresql")] | None = None
    """The PostgreSQL database that keeps users, projects and migrations. Unset: an embedded server."""

    embedded_port: Annotated[int, Ge(1024), Le(65_535)] | None = None
    """A loopback TCP port at which the embedded PostgreSQL serves its other databases, such as a demonstration's
    target. Unset: none, and only its socket remains."""

    redis_url: Annotated[SecretStr, _scheme("redis", "rediss", "unix")] | None = None
    """The Redis or Valkey server of queue, cache and live signals. Unset: an embedded server."""

    data_dir: Folder = _in_home("data")
    """The one folder in which API users may name SQLite and DuckDB files."""

    credentials_key_file: Folder = _in_home("keys", "credentials.key")
    """The key that stored database passwords are encrypted under. Created when missing; back it up."""

    signing_key_file: Folder = _in_home("keys", "signing.pem")
    """The Ed25519 key that signs access tokens. Created when missing."""

    host: str = "127.0.0.1"
    """The address that the API listens on."""

    port: Annotated[int, Ge(1), Le(65_535)] = 8000
    """The TCP port that the API listens on."""

    allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = ()
    """Web origins, comma-separated, that may call the API from a browser beside its own pages."""

    drain_s: Annotated[int, Ge(1), Le(3_600)] = 10
    """How many seconds requests that are under way may still take when the API is told to stop. Streams end at once,
    and workers give back at once what they have in hand."""

    workers: Annotated[int, Ge(1), Le(64)] = 2
    """How many worker processes `wherry up` starts."""

    worker_jobs_max: Annotated[int, Ge(1), Le(64)] = 4
    """How many jobs, and so lanes of a migration, one worker process runs at a time."""

    worker_lane_s: Annotated[float, Ge(1)] = 60
    """How many seconds a lane of a migration works before it lets others have its turn."""

    worker_lease_s: Annotated[float, Ge(1)] = 10
    """After how many seconds without a sign of life another worker takes a worker's work over."""

    worker_stall_s: Annotated[float, Ge(1)] = 300
    """After how many seconds in which nothing moves a worker says so in the migration's log and writes a dump of what
    it waits for to `diagnostics` in the state folder."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least serious log entries that are written."""

    log_format: Literal["console", "json"] = "console"
    """How log entries are written: for a person, or one JSON object a line."""
