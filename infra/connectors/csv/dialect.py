"""How CSV files are cut into fields: the format in bytes, and the patterns that follow from it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property

from domain.connections.values import CsvFormat


@dataclass(frozen=True)
class Dialect:
    """A format with what is made of it once."""

    format: CsvFormat

    @property
    def is_utf8(self) -> bool:
        """Whether places in a file are places in its UTF-8 text, but for a mark at its beginning."""
        return codecs.lookup(self.format.encoding).name in ("utf-8", "utf-8-sig", "ascii")

    @cached_property
    def delimiter(self) -> bytes:
        """What stands between two fields."""
        return self.format.delimiter.encode()

    @cached_property
    def quote(self) -> bytes:
        """What stands around some fields; empty if nothing does."""
        return self.format.quote.encode()

    @cached_property
    def quoted(self) -> re.Pattern[bytes]:
        """A piece in quotes that begins and ends where RFC 4180 lets it: at an end of a field or a doubled quote."""
        quote, delimiter = re.escape(self.quote), re.escape(self.delimiter)
        return re.compile(
            rb"(?<![^%b\n%b])%b[^%b]*%b(?=[%b\r\n%b]|\Z)" % (delimiter, quote, quote, quote, quote, delimiter, quote)
        )

    @cached_property
    def field(self) -> re.Pattern[bytes]:
        """A field as it stands in a file, in quotes or without."""
        delimiter = re.escape(self.delimiter)
        if not self.quote:
            return re.compile(rb"(?P<plain>[^%b\r\n]*)" % delimiter)
        quote = re.escape(self.quote)
        return re.compile(
            rb"%b(?P<quoted>(?:[^%b]|%b%b)*)%b|(?P<plain>[^%b\r\n%b]*)" % (*[quote] * 5, delimiter, quote)
        )

    @cached_property
    def needs_quotes(self) -> str:
        """The pattern of texts that cannot stand without quotes."""
        signs = self.format.delimiter + self.format.quote + "\r\n"
        return "[" + "".join(f"\\x{ord(sign):02x}" for sign in signs) + "]"


def dialect_for(name: str, given: CsvFormat | None) -> Dialect:
    """Return how a file is read: as given, or by its name, tabs in `.tsv` and commas in others."""
    if given is not None:
        return Dialect(given)
    return Dialect(CsvFormat(delimiter="\t") if ".tsv" in name.lower() else CsvFormat())
