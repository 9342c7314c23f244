"""Which policy counts for which values that their target column cannot keep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.catalog.model import Column
from domain.catalog.names import near
from domain.catalog.spelling import spelled
from domain.catalog.types import Text
from domain.kernel.errors import ErrorCode, ObjectMissing, ValidationFailed
from domain.migrations.limits import NoNul, Present, Utf8, complaint, fits
from domain.migrations.misfits import ANY, TYPE_WORDS, ColumnLimit, MisfitPolicy, MisfitRule, Treatment, type_word
from domain.migrations.sentinels import canonical_sentinel, carried_sentinel
from domain.migrations.transfer import ColumnCopy, TableCopy

STANDARD_RULE = MisfitRule(ANY, MisfitPolicy.REJECT)


@dataclass(frozen=True)
class Place:
    """A target column for values that may not fit, as planned or, if it is not ours, as it is there."""

    copy: TableCopy
    copied: ColumnCopy
    column: Column
    is_key: bool
    is_ours: bool
    is_nullable_in_source: bool
    reads_bytes: bool = False
    """Whether the source gives the bytes of its texts."""

    def can_be_text(self, on: ColumnLimit) -> bool:
        """Whether it can be made to keep every value: as a text, or as bytes where a text is not UTF-8."""
        if isinstance(on.limit, Utf8):
            return self.is_ours and self.reads_bytes and not self.is_key
        return self.is_ours and not isinstance(self.copied.type, Text)


def check_rules(rules: Iterable[MisfitRule], tables: Iterable[TableCopy]) -> None:
    """Refuse rules that name nothing: far more often a slip than a wish.

    Raises:
        ObjectMissing: a rule names a column that is not copied, or a type that there is not.
    """
    names = [name for copy in tables for column in copy.columns for name in _names(copy, column.source)]
    for rule in rules:
        if rule.what != ANY and rule.what.lower() not in TYPE_WORDS and rule.what not in names:
            hint = near(rule.what, [*names, *TYPE_WORDS])
            raise ObjectMissing(
                f"a rule for misfits names {rule.what}, which is no table.column of this run and no type{hint}",
                code=ErrorCode.COLUMN_NOT_FOUND,
                path=(rule.what,),
            )


def rule_for(rules: tuple[MisfitRule, ...], copy: TableCopy, on: ColumnLimit) -> MisfitRule:
    """Return the rule that counts for a column: the one that names it, else its type, else all."""
    for wanted in (_names(copy, on.column), (type_word(on.type),), (ANY,)):
        for rule in rules:
            if rule.what in wanted or rule.what.lower() in wanted:
                return rule
    return STANDARD_RULE


def policy_for(rule: MisfitRule, on: ColumnLimit, place: Place) -> MisfitPolicy:
    """Return what a rule does about a limit: its policy, or rejection where that can do nothing."""
    match rule.policy:
        case MisfitPolicy.STRIP:
            can = isinstance(on.limit, NoNul | Utf8)
        case MisfitPolicy.TEXT:
            can = place.can_be_text(on) and not isinstance(on.limit, Present)
        case MisfitPolicy.NULL | MisfitPolicy.NULL_RELAXED:
            can = not isinstance(on.limit, Present)
        case _:
            can = True
    return rule.policy if can else MisfitPolicy.REJECT


def check_policy(rule: MisfitRule, on: ColumnLimit, place: Place) -> None:
    """Refuse a rule that cannot be applied to values that were found.

    Raises:
        ValidationFailed: a rule for the very column can do nothing, or would put NULL where none may be.
    """
    policy = policy_for(rule, on, place)
    if policy is not rule.policy and "." in rule.what:
        raise ValidationFailed(
            f"{rule.policy.value.lower()} does nothing for {rule.what}: its values {complaint(on.limit)}",
            path=(rule.what,),
        )
    can_relax = place.is_ours and not place.is_key
    relaxes = policy is MisfitPolicy.NULL_RELAXED and can_relax
    if place.column.nullable or relaxes or policy not in (MisfitPolicy.NULL, MisfitPolicy.NULL_RELAXED):
        return
    advice = "choose a sentinel or reject the rows"
    if can_relax:
        advice = f"choose null-relaxed to let it be, or {advice}"
    name = f"{place.copy.source}.{on.column}"
    raise ValidationFailed(f"{name} must not be NULL in the target; {advice}", path=(name,))


def treatment_of(rule: MisfitRule, policy: MisfitPolicy, on: ColumnLimit) -> Treatment:
    """Return what is done with values on their way.

    Raises:
        ValidationFailed: the sentinel is no value of the column, or does not fit either.
    """
    if policy is MisfitPolicy.NULL_RELAXED:
        return Treatment(on, MisfitPolicy.NULL)
    if policy is not MisfitPolicy.SENTINEL:
        return Treatment(on, policy)
    sentinel = canonical_sentinel(on.type, rule.sentinel)
    if not fits(on.limit, carried_sentinel(on.type, sentinel)):
        raise ValidationFailed(
            f"{rule.sentinel!r} cannot stand for values of {on.column}, {spelled(on.type)}: it has no place either",
            path=(rule.what,),
        )
    return Treatment(on, policy, sentinel)


def _names(copy: TableCopy, column: str) -> tuple[str, ...]:
    return (f"{copy.source}.{column}", f"{copy.source.name}.{column}")
