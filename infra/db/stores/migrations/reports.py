"""What became of each migration."""

from __future__ import annotations

import json
from uuid import UUID

from sqlalchemy import text

from domain.kernel.codec import to_json
from domain.kernel.work import Work
from domain.migrations.report import RunReport
from infra.db.work import session_of

_SAVE = """
INSERT INTO migration_report (migration_id, report) VALUES (:migration_id, CAST(:report AS jsonb))
ON CONFLICT (migration_id) DO UPDATE SET report = excluded.report
"""


class SqlReports:
    """Reports, each stored with the event that ends its migration."""

    async def save(self, work: Work, migration_id: UUID, report: RunReport) -> None:
        """Store a report, in place of an earlier one."""
        values = {"migration_id": migration_id, "report": json.dumps(to_json(report))}
        await (await session_of(work).connection()).execute(text(_SAVE), values)
