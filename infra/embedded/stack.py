"""The servers that a process works with: those the settings name, and embedded ones for the rest."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from infra.embedded import place as places
from infra.embedded import postgres, process, valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.embedded.place import Place
    from infra.settings import Settings

START_S = 60
POLL_INTERVAL_S = 0.05


@dataclass(frozen=True)
class Servers:
    """Where the control store and Redis are. `place` is set when one of them is embedded."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    place: Place | None = None


@contextmanager
def open_servers(settings: Settings) -> Iterator[Servers]:
    """Give the servers to work with, running the embedded ones for as long as this lasts.

    When another process of the same home already runs them, they are joined, and end with that
    process. Raises ServerFailed when they cannot be started or joined.
    """
    with planned_servers(settings, may_join=True) as (servers, programs), ExitStack() as opened:
        for program in programs:
            opened.enter_context(process.running(program))
        yield servers


@contextmanager
def planned_servers(settings: Settings, *, may_join: bool) -> Iterator[tuple[Servers, tuple[process.Program, ...]]]:
    """Give the servers to work with and those programs among them that are ours to run.

    While this lasts, nobody else runs the embedded servers of the same home. When somebody does
    already, raises AlreadyRunning, or with `may_join` waits until they answer and gives no programs.
    """
    if settings.database_url and settings.redis_url:
        yield Servers(settings.database_url.get_secret_value(), settings.redis_url.get_secret_value()), ()
        return
    place = places.prepare_place(settings.home)
    with ExitStack() as opened:
        programs: tuple[process.Program, ...] = ()
        try:
            lock = opened.enter_context(places.claim(place))
        except places.AlreadyRunning:
            if not may_join:
                raise
            _wait_for_others(settings, place)
            port = postgres.PORT if settings.database_url else postgres.running_port(place)
        else:
            programs = embedded_programs(settings, place, lock)
            port = settings.embedded_port or postgres.PORT
        yield addresses(settings, place, port), programs


def embedded_programs(settings: Settings, place: Place, lock: int) -> tuple[process.Program, ...]:
    """Return the servers that the settings leave to us, ready to start; `lock` comes from `claim`."""
    database = (postgres.prepare(place, lock, settings.embedded_port),) if settings.database_url is None else ()
    queue = (valkey.prepare(place, lock),) if settings.redis_url is None else ()
    return (*database, *queue)


def addresses(settings: Settings, place: Place, port: int) -> Servers:
    """Return the addresses that the settings name, and those of the embedded servers for the rest."""
    return Servers(
        database_url=settings.database_url.get_secret_value()
        if settings.database_url
        else postgres.address(place, port),
        redis_url=settings.redis_url.get_secret_value() if settings.redis_url else valkey.address(place),
        place=place,
    )


def _wait_for_others(settings: Settings, place: Place) -> None:
    """Wait until the servers that another process is starting are ready."""
    pause = Event()
    for _ in range(int(START_S / POLL_INTERVAL_S)):
        database_ready = settings.database_url is not None or postgres.is_running(place)
        redis_ready = settings.redis_url is not None or valkey.is_running(place)
        if database_ready and redis_ready:
            return
        pause.wait(POLL_INTERVAL_S)
    raise process.ServerFailed(f"another process started the embedded servers of {place.home}, but they do not answer")
