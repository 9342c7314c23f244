"""What a column can keep: a closed set of limits, each with the predicate that all engines must agree with.

A target names the limits of its columns for values of the source's meaning; a source counts, in its
own SQL, the values beyond them; the engine treats these on their way. All three ask the same thing
as `fits` does here, of one value in the form in which it crosses (`domain.catalog.types.carrier`).
"""

from __future__ import annotations

import calendar
import math
import re
import struct
from dataclasses import dataclass

from domain.migrations.broken_texts import bytes_of_text, is_broken

Value = int | float | bool | str | bytes | None
"""A value as it crosses, or None for NULL."""

YEAR_MIN, YEAR_MAX = 1, 9999
"""The years that every engine has; year 0 is 1 BC, as astronomers count."""

NUL = "\0"
NUL_ESCAPE = r"(^|[^\\])(\\\\)*\\u0000"
"""How a JSON document spells the character NUL; an expression that every engine's dialect understands."""

_DAY = re.compile(r"(?P<year>\d{4,})-(?P<month>\d\d)-(?P<day>\d\d)(?: \d\d:\d\d:\d\d\.\d{6})?(?P<before> BC)?")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?")
_NUMBER = re.compile(r"-?(?P<whole>\d+)(?:\.(?P<places>\d+))?")
_INFINITIES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_SECONDS = re.compile(r":\d\d\.(?P<fraction>\d+)(?:[ +-].*)?$")


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int


@dataclass(frozen=True)
class Digits:
    """A finite number with at most `precision - scale` digits before the point and `scale` after it."""

    precision: int
    scale: int


@dataclass(frozen=True)
class Finite:
    """A number: not NaN, and infinite only if `infinite` says so."""

    infinite: bool = False


@dataclass(frozen=True)
class Single:
    """A number that IEEE 754 has in single precision, without rounding; infinities and NaN are."""


@dataclass(frozen=True)
class Characters:
    """At most so many characters."""

    most: int


@dataclass(frozen=True)
class Octets:
    """At most so many bytes; of a text, in UTF-8."""

    most: int


@dataclass(frozen=True)
class NoNul:
    """No character NUL."""


@dataclass(frozen=True)
class Utf8:
    """No bytes that are no UTF-8 (`domain.migrations.broken_texts`)."""


@dataclass(frozen=True)
class Unpadded:
    """No space at the end of a text."""


@dataclass(frozen=True)
class Filled:
    """A text of one character at least."""


@dataclass(frozen=True)
class NoNulEscape:
    r"""No `\\u0000` in a JSON document."""


@dataclass(frozen=True)
class RealDay:
    """A day that the calendar has, of a year from `first` to `last` (0 is 1 BC); perhaps `infinity` too."""

    first: int = YEAR_MIN
    last: int = YEAR_MAX
    infinite: bool = False


@dataclass(frozen=True)
class Between:
    """A day or moment from `first` to `last`, which are canonical texts of moments in years of four digits."""

    first: str
    last: str


@dataclass(frozen=True)
class WithinDay:
    """A time from 00:00:00 up to but not including 24:00:00."""


@dataclass(frozen=True)
class SecondDigits:
    """At most so many digits of a second that are not zero."""

    most: int


@dataclass(frozen=True)
class OneOf:
    """One of the labels."""

    labels: tuple[str, ...]


@dataclass(frozen=True)
class Present:
    """Not NULL."""


Limit = (
    Whole
    | Digits
    | Finite
    | Single
    | Characters
    | Octets
    | NoNul
    | Utf8
    | Unpadded
    | Filled
    | NoNulEscape
    | RealDay
    | Between
    | WithinDay
    | SecondDigits
    | OneOf
    | Present
)


def fits(limit: Limit, value: Value) -> bool:
    """Whether a value is within a limit. NULL is within every limit but `Present`."""
    if value is None:
        return not isinstance(limit, Present)
    match limit:
        case Whole(low, high):
            return _is_whole(value, low, high)
        case Digits() | Finite():
            return _is_number(limit, value)
        case Single():
            return _is_single(float(value))
        case Characters() | Octets() | NoNul() | Utf8() | Unpadded() | Filled() | NoNulEscape() | OneOf():
            return _is_text(limit, value)
        case RealDay() | Between() | WithinDay() | SecondDigits():
            return _is_moment(limit, str(value))
        case Present():
            return True


def complaint(limit: Limit) -> str:
    """Say what is wrong with values beyond a limit: `... values <complaint>`."""
    match limit:
        case Whole(low, high):
            return f"are no whole number from {low} to {high}"
        case Digits(precision, scale):
            return f"are no number of {precision - scale} digits before the point and {scale} after it"
        case Characters(most) | Octets(most):
            return f"are longer than {most} {'characters' if isinstance(limit, Characters) else 'bytes'}"
        case RealDay(first, last):
            return f"are no day of the calendar from year {first} to {last}"
        case Between(first, last):
            return f"are not between {first} and {last}"
        case SecondDigits(most):
            return f"have more than {most} digits of a second"
        case Finite(infinite):
            return "are NaN" if infinite else "are infinite or NaN"
        case OneOf():
            return "are none of the type's labels"
        case _:
            return _COMPLAINTS[type(limit)]


_COMPLAINTS: dict[type[Limit], str] = {
    NoNul: "hold the character NUL",
    Single: "would be rounded to single precision",
    Utf8: "are no UTF-8 (a file in another encoding needs its name)",
    Unpadded: "end in spaces, which a type of fixed length drops",
    Filled: "are empty, which a type of bits would take for 0",
    NoNulEscape: "hold the character NUL as \\u0000",
    WithinDay: "are no time of a day",
    Present: "are NULL",
}


def _is_whole(value: Value, low: int, high: int) -> bool:
    if isinstance(value, int):
        return low <= value <= high
    number = _NUMBER.fullmatch(str(value))
    if number is None or (number["places"] or "").strip("0"):
        return False
    return low <= int(str(value).partition(".")[0]) <= high


def _is_number(limit: Digits | Finite, value: Value) -> bool:
    if isinstance(limit, Finite):
        size = float(value) if isinstance(value, int | float) else _INFINITIES.get(str(value), 0.0)
        return math.isfinite(size) or (limit.infinite and math.isinf(size))
    number = _NUMBER.fullmatch(str(value))
    if number is None:
        return False
    whole, places = number["whole"].lstrip("0"), (number["places"] or "").rstrip("0")
    return len(whole) <= limit.precision - limit.scale and len(places) <= limit.scale


def _is_single(number: float) -> bool:
    try:
        return math.isnan(number) or struct.unpack("f", struct.pack("f", number)) == (number,)
    except OverflowError:
        return False


def _is_text(limit: Characters | Octets | NoNul | Utf8 | Unpadded | Filled | NoNulEscape | OneOf, value: Value) -> bool:
    text = value if isinstance(value, str | bytes) else str(value)
    match limit:
        case Characters(most):
            return len(text) <= most
        case Octets(most):
            return len(text if isinstance(text, bytes) else bytes_of_text(text)) <= most
        case NoNul():
            return NUL not in str(text)
        case Utf8():
            return isinstance(text, bytes) or not is_broken(text)
        case Unpadded():
            return not str(text).endswith(" ")
        case Filled():
            return len(text) > 0
        case NoNulEscape():
            return re.search(NUL_ESCAPE, str(text)) is None
        case OneOf(labels):
            return text in labels


def _is_moment(limit: RealDay | Between | WithinDay | SecondDigits, text: str) -> bool:
    match limit:
        case Between(first, last):
            return len(text) <= len(last) and text[:1].isdigit() and first <= text <= last
        case RealDay():
            return _is_real_day(limit, text)
        case WithinDay():
            return _CLOCK.fullmatch(text) is not None
        case SecondDigits(most):
            found = _SECONDS.search(text)
            return found is None or len(found["fraction"].rstrip("0")) <= most


def _is_real_day(limit: RealDay, text: str) -> bool:
    if text in ("infinity", "-infinity"):
        return limit.infinite
    found = _DAY.fullmatch(text)
    if found is None:
        return False
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    if year < 1 or not 1 <= month <= 12:  # noqa: PLR2004 - months of a year
        return False
    year = 1 - year if found["before"] else year
    return limit.first <= year <= limit.last and 1 <= day <= _days_in(year, month)


def _days_in(year: int, month: int) -> int:
    """Return the days of a month; the calendar repeats every 400 years, before Christ too."""
    return calendar.monthrange(year % 400 + 400, month)[1]
