"""Column types that several tables use."""

from __future__ import annotations

from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def instant(*, nullable: bool = False, index: bool = False) -> Any:  # noqa: ANN401  # SQLModel's Field is untyped
    """Return a column for a moment in UTC."""
    return Field(sa_type=DateTime(timezone=True), nullable=nullable, index=index)


def document(*, nullable: bool = False) -> Any:  # noqa: ANN401  # SQLModel's Field is untyped
    """Return a column for a JSON document."""
    return Field(sa_type=JSONB, nullable=nullable)
