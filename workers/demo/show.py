"""The demonstration beside the running service: data, target, story, summary, addresses."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable

from domain.connections.values import Endpoint
from domain.kernel.errors import Conflict, WherryError
from infra.embedded.place import prepare_place
from infra.embedded.postgres import create_database
from infra.settings import Settings
from workers.demo import nycflights, story
from workers.demo.stage import Terminal
from workers.supervisor.programs import api_address

TARGET_DATABASE = "flights"


class Show:
    """One run of the demonstration. The supervisor owns the main thread, so the story has one of its own."""

    def __init__(self, settings: Settings, *, once: bool, say: Callable[[str], None]) -> None:
        self.succeeded = False
        self._settings = settings
        self._once = once
        self._say = say
        self._source = settings.data_dir / "nycflights13.sqlite"

    def prepare(self) -> None:
        """Make the source database before anything is started.

        Raises:
            Conflict: the control store is not embedded, so there is no embedded server for the target.
            DatasetMissing: the data is not installed.
        """
        if self._settings.database_url is not None:
            raise Conflict("The demonstration brings its own PostgreSQL: unset WHERRY_DATABASE_URL.")
        self._source.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        counts = nycflights.load(self._source)
        self._say(f"Loaded {sum(counts.values()):,} rows in {len(counts)} tables into {self._source}.")

    def begin(self) -> None:
        """Start the story; called when the service is ready."""
        threading.Thread(target=self._play, name="demo", daemon=True).start()

    def _play(self) -> None:
        try:
            asyncio.run(self._tell())
            self.succeeded = True
        except (WherryError, OSError) as error:
            self._say(f"wherry: the demonstration failed: {error}")
        finally:
            if self._once or not self.succeeded:
                os.kill(os.getpid(), signal.SIGTERM)  # the supervisor then stops everything in order

    async def _tell(self) -> None:
        target = await create_database(prepare_place(self._settings.home), TARGET_DATABASE)
        with Terminal() as terminal:
            account, report = await story.tell(api_address(self._settings), self._source, target, terminal)
        terminal.summary(report)
        if not all(table["verified"] for table in report["tables"]):
            raise Conflict("not every table was verified")
        self._say(f"The copy    psql '{_address(target)}'")
        self._say(f"The source  {self._source}")
        if not self._once:
            self._say(f"GraphiQL    {api_address(self._settings)}/graphiql/")
            self._say(f"Sign in     {account.email}  {account.password}")
            self._say("Serving until Ctrl-C.")


def _address(target: Endpoint) -> str:
    return f"postgresql://{target.username}:{target.password.reveal()}@{target.host}:{target.port}/{target.database}"
