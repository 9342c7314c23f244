"""All tables together."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from infra.db.tables import auth, catalog, connections, kernel, mappings, migrations, projects

MODULES = (kernel, auth, projects, connections, catalog, mappings, migrations)


def metadata() -> MetaData:
    """Return the description of every table of the control store."""
    return SQLModel.metadata
