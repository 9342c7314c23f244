"""Writing the schema as text: `python -m resolvers.sdl` renews the committed snapshot."""

from __future__ import annotations

from pathlib import Path

from resolvers.root import build_schema

SNAPSHOT = Path(__file__).parent.parent / "schema" / "schema.graphql"


def sdl() -> str:
    """Return the schema in GraphQL's definition language."""
    return build_schema().as_str().strip() + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(sdl())
