"""The two data sets: what their tables are on each engine, and how their rows follow from a fixed seed."""

from __future__ import annotations

from dataclasses import dataclass

from domain.connections.values import Engine

SEED = 20_260_131


@dataclass(frozen=True)
class DataSet:
    """One table of the same name.

    `rows_sql` gives DuckDB's SELECT of the rows 1 to n from `range(1, n + 1) r(i)`, and `ddl` the
    CREATE TABLE of each engine. `escaped` are the columns whose text may hold what a line of the
    bulk loaders' text format must not.
    """

    name: str
    rows: int
    ddl: dict[Engine, str]
    rows_sql: str
    columns: tuple[str, ...]
    escaped: frozenset[str] = frozenset()
    binary: frozenset[str] = frozenset()

    def scaled(self, scale: float) -> int:
        """Return how many rows to make."""
        return max(1, int(self.rows * scale))


NARROW = DataSet(
    name="narrow",
    rows=2_000_000,
    columns=("id", "amount", "day", "price"),
    ddl={
        Engine.MYSQL: """CREATE TABLE narrow (
            id INT NOT NULL PRIMARY KEY, amount INT NOT NULL, day DATE NOT NULL, price DECIMAL(10,2) NOT NULL)""",
        Engine.POSTGRESQL: """CREATE TABLE narrow (
            id integer PRIMARY KEY, amount integer NOT NULL, day date NOT NULL, price numeric(10,2) NOT NULL)""",
        Engine.SQLITE: """CREATE TABLE narrow (
            id INTEGER NOT NULL PRIMARY KEY, amount INTEGER NOT NULL, day DATE NOT NULL,
            price DECIMAL(10,2) NOT NULL)""",
        Engine.DUCKDB: """CREATE TABLE narrow (
            id BIGINT NOT NULL PRIMARY KEY, amount BIGINT NOT NULL, day DATE NOT NULL, price DECIMAL(10,2) NOT NULL)""",
    },
    rows_sql=f"""
        SELECT i::INTEGER AS id,
               (dice % 2000000000)::INTEGER - 1000000000 AS amount,
               DATE '1990-01-01' + ((dice // 7) % 15000)::INTEGER AS day,
               (((dice // 13) % 19999999999)::DECIMAL(18,0) / 100 - 99999999.99)::DECIMAL(10,2) AS price
        FROM (SELECT i, md5_number_lower(i || ':{SEED}')::UBIGINT AS dice FROM range(1, $rows + 1) r(i))
    """,
)

WIDE = DataSet(
    name="wide",
    rows=1_000_000,
    columns=("id", "name", "city", "note", "created_at", "amount", "active", "attrs", "payload"),
    escaped=frozenset({"name", "city", "note", "attrs"}),
    binary=frozenset({"payload"}),
    ddl={
        Engine.MYSQL: """CREATE TABLE wide (
            id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, city VARCHAR(100) NOT NULL, note TEXT NULL,
            created_at DATETIME(6) NOT NULL, amount DECIMAL(12,2) NULL, active BOOLEAN NOT NULL, attrs JSON NOT NULL,
            payload BINARY(32) NOT NULL) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin""",
        Engine.POSTGRESQL: """CREATE TABLE wide (
            id bigint PRIMARY KEY, name varchar(100) NOT NULL, city varchar(100) NOT NULL, note text NULL,
            created_at timestamp(6) NOT NULL, amount numeric(12,2) NULL, active boolean NOT NULL, attrs jsonb NOT NULL,
            payload bytea NOT NULL)""",
        Engine.SQLITE: """CREATE TABLE wide (
            id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL, city VARCHAR(100) NOT NULL, note TEXT NULL,
            created_at DATETIME NOT NULL, amount DECIMAL(12,2) NULL, active BOOLEAN NOT NULL, attrs JSON NOT NULL,
            payload BLOB NOT NULL)""",
        Engine.DUCKDB: """CREATE TABLE wide (
            id BIGINT NOT NULL PRIMARY KEY, name VARCHAR NOT NULL, city VARCHAR NOT NULL, note VARCHAR NULL,
            created_at TIMESTAMP NOT NULL, amount DECIMAL(12,2) NULL, active BOOLEAN NOT NULL, attrs VARCHAR NOT NULL,
            payload BLOB NOT NULL)""",
    },
    rows_sql=f"""
        SELECT i AS id,
               ['Zoë Müller', 'Łukasz Żak', '李小龙', 'Ὀδυσσεύς', 'O''Brien', 'Иван Петров', 'José Ñandú', 'Åse Øgård'
                   ][1 + (dice % 8)::INTEGER]
                   || ['', ' \\', chr(9) || 'tab', ' "quoted"', ' 🚢', ''][1 + ((dice // 8) % 6)::INTEGER]
                   || ' ' || hex[1:6] AS name,
               ['São Paulo', '東京', 'Kraków', 'München', 'Αθήνα', 'Reykjavík', 'नई दिल्ली'
                   ][1 + ((dice // 48) % 7)::INTEGER]
                   || ' ' || hex[7:12] AS city,
               CASE WHEN (dice // 336) % 5 = 0 THEN NULL
                    WHEN (dice // 336) % 100 = 1 THEN ''
                    ELSE repeat('lorem ipsum ' || hex[13:18] || chr(10), 3 + ((dice // 33600) % 5)::INTEGER)
                         || 'C:\\new' || chr(9) || 'ü' || chr(13) || chr(10) END AS note,
               TIMESTAMP '2000-01-01' + to_microseconds(((luck // 3) % 788400000000000)::BIGINT) AS created_at,
               CASE WHEN (luck // 2) % 10 = 0 THEN NULL
                    ELSE (((luck // 20) % 199999999999)::DECIMAL(18,0) / 100 - 999999999.99)::DECIMAL(12,2)
                    END AS amount,
               luck % 2 = 1 AS active,
               '{{"n": ' || (luck // 40) % 100000 || ', "tags": ["a\\"b", "é"], "key": "'
                   || hex[19:26] || '"}}' AS attrs,
               unhex(hex || md5(hex)) AS payload
        FROM (SELECT i, md5(i || ':{SEED}') AS hex, md5_number_lower(i || ':{SEED}')::UBIGINT AS dice,
                     md5_number_upper(i || ':{SEED}')::UBIGINT AS luck FROM range(1, $rows + 1) r(i))
    """,
)

DATA_SETS = (NARROW, WIDE)
