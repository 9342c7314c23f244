from __future__ import annotations

import pyarrow as pa
import pytest

from domain.catalog.model import TableName
from domain.catalog.types import Date, Decimal, LogicalType, Timestamp
from domain.kernel.errors import ValueRejected
from domain.migrations.transfer import ColumnCopy
from infra.connectors.mysql.exact import check_exact

NATIVES: dict[type[LogicalType], str] = {Date: "date", Timestamp: "datetime(6)", Decimal: "decimal(10,2)"}
MOMENT = "2024-02-29 12:00:00.000000"


def checked(type_: LogicalType, *values: str | None) -> None:
    column = ColumnCopy("a", "a", type_, "", NATIVES[type(type_)])
    given = pa.array(["before", *values, "after"], pa.large_string())
    check_exact(TableName("t"), column, given.slice(1, len(values)))


def test_days_of_four_digit_years_pass_also_those_that_only_mysql_has() -> None:
    checked(Date(), "0001-01-01", "9999-12-31", None, "0000-00-00", "2024-02-31")
    checked(Timestamp(6), MOMENT, None, "0000-00-00 00:00:00.000000")
    checked(Date())


@pytest.mark.parametrize("odd", ["infinity", "-infinity", "10000-01-01", "5874897-12-31", "0044-03-15 BC"])
def test_days_of_other_years_are_refused_whatever_the_others_are(odd: str) -> None:
    with pytest.raises(ValueRejected, match=f"'{odd}' is no day of years 1 to 9999"):
        checked(Date(), "2024-01-01", None, odd)
    with pytest.raises(ValueRejected, match="is no day of years 1 to 9999"):
        checked(Date(), "infinity", "-infinity", "0044-03-15 BC")
    moment = odd if "infinity" in odd else odd.replace(" BC", "") + MOMENT[10:] + odd[10:].strip("0123456789-")
    with pytest.raises(ValueRejected, match="is no day of years 1 to 9999"):
        checked(Timestamp(6), MOMENT, moment)


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_refused(odd: str) -> None:
    checked(Decimal(10, 2), "1.50", None, "-3.00")
    with pytest.raises(ValueRejected, match=f"'{odd}' is no finite number"):
        checked(Decimal(10, 2), "1.50", odd)
