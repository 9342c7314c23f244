"""What becomes of values that their target column cannot keep: what was asked, what was found, what is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from domain.catalog.types import Enumeration, LabelSet, LogicalType
from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Rows
from domain.migrations.limits import Limit, complaint

ANY = "*"
"""What a rule for every column names."""

PERCENT_MAX = 100.0


class MisfitPolicy(Enum):
    """What becomes of a value that has no exact place in its target column."""

    REJECT = "REJECT"
    """Its row is left out and kept aside; without a limit for that, the run does not start."""
    NULL = "NULL"
    """It becomes NULL; refused where the target column must not be NULL."""
    NULL_RELAXED = "NULL_RELAXED"
    """It becomes NULL, and a target column that must not be NULL is made so that it may."""
    SENTINEL = "SENTINEL"
    """It becomes a value of one's choice."""
    TEXT = "TEXT"
    """The target column is made a text, which keeps every value; of bytes, if texts are no UTF-8."""
    STRIP = "STRIP"
    """It loses what has no place: the character NUL, or bytes that are no UTF-8."""


@dataclass(frozen=True)
class MisfitRule:
    """A policy for a column (`film.released`), for all columns of a type (`date`), or for every one (`*`)."""

    what: str
    """A column by its table's and its own name, a type such as `date` or `text`, or `*`."""
    policy: MisfitPolicy
    """What becomes of the values."""
    sentinel: str = ""
    """The value that takes the place of others, in its canonical text; only with SENTINEL."""


@dataclass(frozen=True)
class RejectLimit:
    """How many rows may be left out: so many of the run, or so many percent of each table; None means no such limit."""

    rows: int | None = None
    percent: float | None = None

    @property
    def is_given(self) -> bool:
        """Whether any row may be left out."""
        return self.rows is not None or self.percent is not None

    def allows(self, rejected: int, of: int) -> bool:
        """Whether so many rows of a table of so many may be left out, as far as the percentage says."""
        return self.percent is None or rejected * PERCENT_MAX <= self.percent * of


NO_REJECTS = RejectLimit()
"""No row may be left out."""


@dataclass(frozen=True)
class ColumnLimit:
    """A limit on the values of a source column. `column`, `native` and `type` are the source's."""

    column: str
    native: str
    type: LogicalType
    limit: Limit


@dataclass(frozen=True)
class Treatment:
    """What is done with the values of a column that are beyond a limit: REJECT, NULL, SENTINEL or STRIP.

    `sentinel` is a canonical text. A value beyond a rejecting limit is rejected whatever its other treatments say.
    """

    on: ColumnLimit
    policy: MisfitPolicy
    sentinel: str = ""


ColumnLimits = tuple[ColumnLimit, ...]
Treatments = tuple[Treatment, ...]


@dataclass(frozen=True)
class Seen:
    """The limits that a look has found all values of a table to be within.

    `clean` names table and limits if nothing at all was found, so that the same look need not be had
    again by a run that goes on; it is empty otherwise.
    """

    table_number: int
    limits: tuple[ColumnLimit, ...]
    clean: str = ""


@dataclass(frozen=True)
class Finding:
    """How many values of a column are beyond a limit, and where the first few of them are."""

    on: ColumnLimit
    rows: Rows
    examples: tuple[str, ...] = ()
    """Keys of rows that hold one, as `id=5`; the values themselves in a table without a key."""


@dataclass(frozen=True)
class Profile:
    """What one look at a table has found. `rejected` are the rows beyond any of the limits that reject."""

    rows: Rows
    rejected: Rows
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class PredictedRejects:
    """How many rows of a table will be left out, of how many, as a look at the source has found."""

    table_number: int
    rows: Rows
    of: Rows


@dataclass(frozen=True)
class Misfit:
    """Values of a column that have no exact place in the target, as a plan names them."""

    table: str
    """The table's name in the source."""
    column: str
    """The column's name in the source."""
    target_type: str
    """The target column's type, as its engine spells it."""
    rows: Rows
    """How many values have no place."""
    reason: str
    """What is wrong with them."""
    policy: MisfitPolicy
    """What becomes of them."""
    examples: tuple[str, ...] = ()
    """Where the first of them are: their keys."""

    def __str__(self) -> str:
        where = f" (at {'; '.join(self.examples)})" if self.examples else ""
        return f"{self.table}.{self.column}: {self.rows:,} values {self.reason}, as {self.target_type} demands{where}"


def misfit_of(table: str, target_type: str, finding: Finding, policy: MisfitPolicy) -> Misfit:
    """Return a finding as a plan names it."""
    on = finding.on
    return Misfit(table, on.column, target_type, finding.rows, complaint(on.limit), policy, finding.examples)


def type_word(type_: LogicalType) -> str:
    """Return the word by which rules name a type: `date`, `timestamp`, `text`, `enum`, ..."""
    match type_:
        case Enumeration():
            return "enum"
        case LabelSet():
            return "set"
        case _:
            return type(type_).__name__.lower()


TYPE_WORDS = frozenset(
    {
        *("integer", "decimal", "float", "boolean", "text", "binary", "date", "time", "timestamp", "duration"),
        *("interval", "uuid", "json", "enum", "set", "bits", "geometry", "opaque"),
    }
)
"""The words that `type_word` gives."""


def parse_rule(text: str) -> MisfitRule:
    """Read a rule such as `film.released=null`, `date=sentinel:1970-01-01` or `*=reject`.

    Raises:
        ValidationFailed: it is none; the message says what one looks like.
    """
    what, separator, rest = text.partition("=")
    word, _, sentinel = rest.partition(":")
    known = {policy.value.lower().replace("_", "-"): policy for policy in MisfitPolicy}
    policy = known.get(word.strip().lower())
    if not separator or policy is None:
        raise ValidationFailed(
            f"{text!r} is no rule for misfits; write COLUMN=POLICY, such as film.released=null, date=text or *=reject, "
            f"with one of {', '.join(known)} (sentinel:VALUE)"
        )
    return MisfitRule(what.strip(), policy, sentinel)


def parse_reject_limit(text: str) -> RejectLimit:
    """Read a reject limit: a number of rows, or a percentage such as `0.5%`.

    Raises:
        ValidationFailed: it is neither.
    """
    bare = text.strip()
    try:
        limit = RejectLimit(percent=float(bare[:-1])) if bare.endswith("%") else RejectLimit(rows=int(bare))
    except ValueError:
        limit = None
    if limit is None or (limit.rows or 0) < 0 or not 0 <= (limit.percent or 0) <= PERCENT_MAX:
        raise ValidationFailed(f"{text!r} is no reject limit; write a number of rows such as 100 or a share such as 1%")
    return limit
