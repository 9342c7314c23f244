"""How much one document may ask for, measured on the parsed document before anything else looks at it.

Fragments are weighed once each, whatever the number of places that spread them, so the time is linear in the length of
the document: a chain of fragments that each spread the next one twice, 2^n fields when written out, costs nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from domain.kernel.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import (
        DocumentNode,
        GraphQLField,
        GraphQLNamedType,
        GraphQLSchema,
        SelectionNode,
        SelectionSetNode,
        VariableDefinitionNode,
    )

    _Directed = OperationDefinitionNode | FragmentDefinitionNode | VariableDefinitionNode | SelectionNode

TENTHS_PER_POINT: Final = 10
OBJECT_TENTHS: Final = 10
SCALAR_TENTHS: Final = 1
"""Costs are counted in whole tenths of a point: one point an object, a tenth a scalar."""

INTROSPECTION_LISTS: Final = frozenset({"fields", "inputFields", "interfaces", "possibleTypes"})
"""The fields of `__Type` that lead from a type to many others: nested, they multiply."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may hold; the defaults are several times what a person or a console asks for."""

    source_chars_max: int = 256 * 1024
    tokens_max: int = 2000
    comments_max: int = 100
    fragments_max: int = 20
    directives_max: int = 50
    directives_per_node_max: int = 8
    repeats_max: int = 60
    """Times a response name may occur again in one selection set, all sets of the document together: the validation
    rule that checks whether repeated fields can be merged compares every pair."""
    depth_max: int = 12
    nesting_max: int = 40
    """Selection sets within each other, those of fragments included: what bounds our own recursion."""
    cost_points_max: int = 5000
    aliases_max: int = 30
    root_fields_max: int = 20
    page_rows_max: int = 100
    """Rows assumed of a page whose size the document leaves open."""
    list_rows_assumed: int = 10
    """Rows assumed of a list that has no pages."""
    introspection_depth_max: int = 20
    introspection_lists_max: int = 2
    introspection_roots_max: int = 3
    once: frozenset[str] = frozenset(
        {"signIn", "refreshSession", "registerUser", "confirmMfa", "disableMfa", "regenerateRecoveryCodes"}
    )
    """Root fields that one operation may hold once: many guesses at a secret must be many requests."""


class OverLimit(GraphQLError):
    """The document asks for more than it may; the message says what and how much is allowed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": ErrorCode.VALIDATION_FAILED.value})


@dataclass(frozen=True, slots=True)
class Weight:
    """What a selection set asks for, fragments written out.

    `depth` and `cost_tenths` leave out introspection, which answers from memory and has limits of its own.
    """

    depth: int = 0
    cost_tenths: int = 0
    aliases: int = 0
    introspection_depth: int = 0
    introspection_lists: int = 0

    def beside(self, other: Weight) -> Weight:
        """Return the weight of both in one selection set."""
        return Weight(
            max(self.depth, other.depth),
            self.cost_tenths + other.cost_tenths,
            self.aliases + other.aliases,
            max(self.introspection_depth, other.introspection_depth),
            max(self.introspection_lists, other.introspection_lists),
        )


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Check what can be counted without the schema: fragments, directives, repeated names.

    Raises:
        OverLimit: one of them is above its limit.
    """
    fragments = sum(isinstance(one, FragmentDefinitionNode) for one in document.definitions)
    _at_most(limits.fragments_max, fragments, "fragments")
    directives = repeats = 0
    for node, names in _nodes(document):
        here = len(node.directives or ())
        directives += here
        _at_most(limits.directives_per_node_max, here, "directives in one place")
        if isinstance(node, FieldNode):
            name = (node.alias or node.name).value
            repeats += name in names
            names.add(name)
    _at_most(limits.directives_max, directives, "directives")
    _at_most(limits.repeats_max, repeats, "repeated fields")


def check_operations(
    schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, object], limits: Limits
) -> bool:
    """Check the weight of every operation of the document.

    Args:
        schema: tells lists from single objects, and pages from both.
        document: one that passed `check_document`; it need not be valid.
        variables: values that may set the size of pages.
        limits: what is allowed.

    Returns:
        Whether the outcome depends on `variables`.

    Raises:
        OverLimit: an operation is above a limit.
    """
    scale = Scale(schema, document, limits)
    varies = False
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            varies |= scale.check(operation, variables)
    return varies


class Scale:
    """Weighs the operations of one document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._weights: dict[str, Weight] = {}
        self._names: dict[str, Counter[str]] = {}
        self._variables: dict[str, object] = {}
        self._varies = False

    def check(self, operation: OperationDefinitionNode, variables: Mapping[str, object]) -> bool:
        """Check one operation; return whether a variable sets the size of one of its pages.

        Raises:
            OverLimit: the operation is above a limit.
        """
        limits = self._limits
        self._check_roots(self._root_names(operation.selection_set))
        self._varies = False
        self._weights = {}
        self._variables = {**_defaults(operation), **variables}
        weight = self._weigh(operation.selection_set, self._schema.get_root_type(operation.operation), 1)
        _at_most(limits.depth_max, weight.depth, "levels of fields")
        _at_most(limits.introspection_depth_max, weight.introspection_depth, "levels of introspection")
        _at_most(limits.introspection_lists_max, weight.introspection_lists, "lists of types within each other")
        _at_most(limits.aliases_max, weight.aliases, "aliases")
        if weight.cost_tenths > limits.cost_points_max * TENTHS_PER_POINT:
            message = (
                f"The operation costs {_shown(weight.cost_tenths // TENTHS_PER_POINT)} points, and "
                f"{limits.cost_points_max:,} are allowed: ask for fewer rows with `first`, or in several requests."
            )
            raise OverLimit(message)
        return self._varies

    def _check_roots(self, names: Counter[str]) -> None:
        """Check the fields at the top of an operation."""
        _at_most(self._limits.root_fields_max, names.total(), "fields at the top of an operation")
        introspection = names["__schema"] + names["__type"]
        _at_most(self._limits.introspection_roots_max, introspection, "introspections in one operation")
        for name in self._limits.once & names.keys():
            _at_most(1, names[name], f"fields `{name}` in one operation")

    def _root_names(self, selections: SelectionSetNode) -> Counter[str]:
        """Count the fields directly in a selection set by name, fragments written out."""
        names: Counter[str] = Counter()
        for one in selections.selections:
            if isinstance(one, FieldNode):
                names[one.name.value] += 1
            elif isinstance(one, InlineFragmentNode):
                names += self._root_names(one.selection_set)
            elif isinstance(one, FragmentSpreadNode) and one.name.value in self._fragments:
                name = one.name.value
                if name not in self._names:
                    self._names[name] = Counter()  # what a cycle finds; validation refuses it later
                    self._names[name] = self._root_names(self._fragments[name].selection_set)
                names += self._names[name]
        return names

    def _weigh(self, selections: SelectionSetNode, parent: GraphQLNamedType | None, nesting: int) -> Weight:
        """Weigh a selection set on `parent`, which is None where the document and the schema disagree."""
        _at_most(self._limits.nesting_max, nesting, "selection sets within each other")
        weight = Weight()
        for one in selections.selections:
            if isinstance(one, FieldNode):
                weight = weight.beside(self._weigh_field(one, parent, nesting))
            elif isinstance(one, InlineFragmentNode):
                condition = one.type_condition
                target = parent if condition is None else self._schema.get_type(condition.name.value)
                weight = weight.beside(self._weigh(one.selection_set, target, nesting + 1))
            elif isinstance(one, FragmentSpreadNode) and one.name.value in self._fragments:
                weight = weight.beside(self._weigh_fragment(one.name.value, nesting))
        return weight

    def _weigh_fragment(self, name: str, nesting: int) -> Weight:
        """Weigh a fragment the first time; remember it after that."""
        if name not in self._weights:
            self._weights[name] = Weight()  # what a cycle finds; validation refuses it later
            fragment = self._fragments[name]
            target = self._schema.get_type(fragment.type_condition.name.value)
            self._weights[name] = self._weigh(fragment.selection_set, target, nesting + 1)
        return self._weights[name]

    def _weigh_field(self, node: FieldNode, parent: GraphQLNamedType | None, nesting: int) -> Weight:
        """Weigh one field with all that is below it."""
        field = _field(self._schema, parent, node.name.value)
        aliases = int(node.alias is not None)
        below = Weight()
        if node.selection_set is not None:
            target = None if field is None else get_named_type(field.type)
            below = self._weigh(node.selection_set, target, nesting + 1)
        if parent is not None and parent.name.startswith("__"):
            lists = int(node.name.value in INTROSPECTION_LISTS)
            depth = below.introspection_depth + 1
            return Weight(0, 0, below.aliases + aliases, depth, below.introspection_lists + lists)
        rows = self._rows(node, field, parent)
        cost_tenths = rows * (_own_tenths(node, field, parent) + below.cost_tenths)
        return Weight(
            below.depth + 1,
            cost_tenths,
            below.aliases + aliases,
            below.introspection_depth,
            below.introspection_lists,
        )

    def _rows(self, node: FieldNode, field: GraphQLField | None, parent: GraphQLNamedType | None) -> int:
        """Return how many values a field has at most: the size of its page, the guess for a list, otherwise one."""
        for argument in node.arguments or ():
            if argument.name.value in {"first", "last"}:
                return self._page_rows(argument.value)
        if field is None:
            return 1
        if not field.args.keys().isdisjoint({"first", "last"}):
            return self._limits.page_rows_max
        if is_list_type(get_nullable_type(field.type)) and not _is_page(parent):
            return self._limits.list_rows_assumed
        return 1

    def _page_rows(self, value: object) -> int:
        """Return the size of a page as given; what is not a sensible number is refused later, by its type."""
        if isinstance(value, VariableNode):
            self._varies = True
            given = self._variables.get(value.name.value)
            return max(given, 1) if isinstance(given, int) else self._limits.page_rows_max
        return max(int(value.value), 1) if isinstance(value, IntValueNode) else self._limits.page_rows_max


def _nodes(document: DocumentNode) -> Iterator[tuple[_Directed, set[str]]]:
    """Yield every node that may carry directives, with the names seen so far in its selection set.

    Inline fragments share the names of the selection set they stand in.
    """
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            continue
        yield definition, set()
        for variable in definition.variable_definitions or ():
            yield variable, set()
        waiting: list[tuple[SelectionSetNode, set[str]]] = [(definition.selection_set, set())]
        while waiting:
            selections, names = waiting.pop()
            for one in selections.selections:
                yield one, names
                if isinstance(one, InlineFragmentNode):
                    waiting.append((one.selection_set, names))
                elif isinstance(one, FieldNode) and one.selection_set is not None:
                    waiting.append((one.selection_set, set()))


def _field(schema: GraphQLSchema, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    """Look up a field, if the parent is a type that can have any."""
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType):
        return schema.get_field(parent, name)
    return None


def _own_tenths(node: FieldNode, field: GraphQLField | None, parent: GraphQLNamedType | None) -> int:
    """Return the cost of one value of a field without what is below it; the frame around the rows of a page is free."""
    leaf = node.selection_set is None if field is None else is_leaf_type(get_named_type(field.type))
    if leaf:
        return SCALAR_TENTHS
    return 0 if _is_page(parent) or _is_edge(parent) else OBJECT_TENTHS


def _is_page(parent: GraphQLNamedType | None) -> bool:
    """Say whether a type is a Relay connection, whose lists are as long as its `first`."""
    return isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) and "pageInfo" in parent.fields


def _is_edge(parent: GraphQLNamedType | None) -> bool:
    """Say whether a type is the edge of a Relay connection."""
    return isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) and {"cursor", "node"} <= parent.fields.keys()


def _defaults(operation: OperationDefinitionNode) -> dict[str, object]:
    """Return the default values of an operation's variables that could be the size of a page."""
    return {
        one.variable.name.value: int(one.default_value.value)
        for one in operation.variable_definitions or ()
        if isinstance(one.default_value, IntValueNode)
    }


def _at_most(limit: int, found: int, what: str) -> None:
    """Refuse more than `limit`."""
    if found > limit:
        raise OverLimit(f"Too many {what}: {_shown(found)}, at most {limit:,} allowed.")


def _shown(number: int) -> str:
    """Write a number that may be astronomical."""
    return f"{number:,}" if number < 10**12 else "more than 10^12"
