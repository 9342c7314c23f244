"""PostgreSQL: asyncpg sessions, COPY in and out, catalogue in and out."""
