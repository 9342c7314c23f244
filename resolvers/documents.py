"""Parsing, limits and validation of the documents clients send, with the good ones remembered.

A console sends the same few documents again and again. Parsing and validating one takes ten to a hundred times as long
as finding it again, so documents that passed are kept, by their text, up to a written size.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from graphql import validate
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from resolvers.limits import Limits, OverLimit, check_document, check_operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from graphql import ASTValidationRule, DocumentNode, GraphQLError
    from strawberry.types.execution import ExecutionContext, ParseOptions

KEPT_CHARS_MAX: Final = 256 * 1024
"""Length of all texts kept together. A parsed document takes some 550 bytes a token, so this bounds memory to about
70 MB in the worst case and a few MB in practice."""

ERRORS_MAX: Final = 20
"""Faults of one document that are reported; validation stops there."""

STRAWBERRY_RULES: Final = (MaybeNullValidationRule, OneOfInputValidationRule)
"""The rules that Strawberry adds to those of the language."""

_Rules = tuple["type[ASTValidationRule]", ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """A document that kept all limits and is valid.

    `weighed_anew` says that its weight depends on the variables of each request.
    """

    document: DocumentNode
    weighed_anew: bool


class PassedDocuments:
    """The documents that passed, by text and validation rules; the one not used for longest goes first."""

    def __init__(self, chars_max: int = KEPT_CHARS_MAX) -> None:
        """Keep texts of at most `chars_max` characters together."""
        self._chars_max = chars_max
        self._chars = 0
        self._kept: OrderedDict[tuple[str, _Rules], Passed] = OrderedDict()

    def find(self, text: str, rules: _Rules) -> Passed | None:
        """Return the document with this text, if it is kept."""
        passed = self._kept.get((text, rules))
        if passed is not None:
            self._kept.move_to_end((text, rules))
        return passed

    def keep(self, text: str, rules: _Rules, passed: Passed) -> None:
        """Keep a document, and let go of others to make room."""
        if (text, rules) in self._kept or len(text) > self._chars_max:
            return
        self._kept[text, rules] = passed
        self._chars += len(text)
        while self._chars > self._chars_max:
            (oldest, _), _ = self._kept.popitem(last=False)
            self._chars -= len(oldest)

    def __len__(self) -> int:
        return len(self._kept)


def limited_documents(limits: Limits) -> Callable[[], SchemaExtension]:
    """Return what a schema takes in `extensions=` to check every operation against `limits`.

    It replaces Strawberry's parser cache, validation cache and limiters; do not add those.
    """
    kept = PassedDocuments()
    return lambda: LimitedDocuments(limits, kept)


class LimitedDocuments(SchemaExtension):
    """Finds or parses the document of one operation, weighs it, then validates it.

    Refusals are handed on as results, never raised: over a WebSocket Strawberry turns what a hook raises into a stream
    that ends without a word.
    """

    def __init__(self, limits: Limits, kept: PassedDocuments) -> None:
        self._limits = limits
        self._kept = kept

    def on_operation(self) -> Iterator[None]:
        """Bound the parser, which runs whenever the document is not kept."""
        options = {
            "max_source_length": self._limits.source_chars_max,
            "max_lexical_tokens": self._limits.tokens_max,
            "max_comments": self._limits.comments_max,
        }
        # Strawberry hands these to graphql-core's `parse` as they are; its type names one of them only.
        self.execution_context.parse_options = cast("ParseOptions", options)
        yield

    def on_parse(self) -> Iterator[None]:
        """Take the document from those kept; otherwise Strawberry parses it after this hook."""
        context = self.execution_context
        passed = self._kept.find(context.query or "", context.validation_rules)
        if passed is not None:
            context.graphql_document = passed.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Weigh the document, validate it, and keep it if it passes both."""
        self.execution_context.pre_execution_errors = self._errors(self.execution_context)
        yield

    def _errors(self, context: ExecutionContext) -> list[GraphQLError]:
        """Return what is wrong with the document; nothing, if it may run."""
        document, text, rules = context.graphql_document, context.query or "", context.validation_rules
        if document is None:
            return []
        passed = self._kept.find(text, rules)
        if passed is not None and not passed.weighed_anew:
            return []
        # The schema as graphql-core knows it has no public name in Strawberry.
        schema = context.schema._schema  # noqa: SLF001
        try:
            if passed is None:
                check_document(document, self._limits)
            varies = check_operations(schema, document, context.variables or {}, self._limits)
        except OverLimit as refusal:
            return [refusal]
        if passed is not None:
            return []
        quiet = context.schema.config.disable_field_suggestions
        errors = validate(schema, document, (*rules, *STRAWBERRY_RULES), ERRORS_MAX, hide_suggestions=quiet)
        if not errors:
            self._kept.keep(text, rules, Passed(document, varies))
        return errors
