"""dlt in its fastest form for PostgreSQL: connectorx reads, Parquet between, ADBC writes. It makes no primary key."""

from __future__ import annotations

import json

from domain.connections.values import Engine
from tests.benchmarks.measuring import Command
from tests.benchmarks.peers.environments import ALONE, environment
from tests.benchmarks.tools import Job
from tests.support.cli import url

REQUIREMENTS = (
    "dlt[parquet,postgres]==1.31.0", "connectorx==0.4.6", "adbc-driver-manager==1.13.0",
    "adbc-driver-postgresql==1.13.0", "pymysql==1.2.4", "psycopg2-binary==2.9.13", "sqlalchemy~=2.0.40",
)  # fmt: skip
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "PYTHONWARNINGS": "ignore", **ALONE}
SCHEMES = {Engine.MYSQL: "mysql+pymysql", Engine.POSTGRESQL: "postgresql+psycopg2", Engine.SQLITE: "sqlite"}

_SCRIPT = """
import json, sys
import dlt
from dlt.destinations import postgres
from dlt.sources.sql_database import sql_table

job = json.load(open(sys.argv[1]))
table = sql_table(job["source"], table=job["table"], backend="connectorx", reflection_level="full_with_precision",
                  backend_kwargs={"conn": job["reader"], "return_type": "arrow"})
if job["json"]:
    table.apply_hints(columns={name: {"data_type": "json"} for name in job["json"]})
pipeline = dlt.pipeline("bench", destination=postgres(job["target"]), dataset_name="public", pipelines_dir="state")
pipeline.run(table, loader_file_format="parquet")
"""


class Dlt:
    """One table through a pipeline of dlt."""

    name = "dlt"
    needs_table = False

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether the target is PostgreSQL, the one for which it has a fast writer."""
        return target is Engine.POSTGRESQL

    def install(self) -> None:
        """Install the packages."""
        self._python()

    def command(self, job: Job) -> Command:
        """Return the pipeline as a script."""
        plain = f"sqlite:///{job.source.path}" if job.source.engine is Engine.SQLITE else url(job.source)
        reader = f"sqlite://{job.source.path}" if job.source.engine is Engine.SQLITE else plain
        rest = plain.partition("://")[2]
        script, file = job.folder / "move.py", job.folder / "job.json"
        script.write_text(_SCRIPT)
        document = {
            "source": f"{SCHEMES[job.source.engine]}://{rest}", "reader": reader, "target": url(job.target),
            "table": job.table, "json": [name for name in job.prepared.data_set.columns if name == "attrs"],
        }  # fmt: skip
        file.write_text(json.dumps(document))
        return Command((self._python(), script, file), {**QUIET, "HOME": str(job.folder)})

    def _python(self) -> str:
        return str(environment(self.name, *REQUIREMENTS) / "python")
