"""What one document may ask for: each limit at its edge, and the documents built to make a server work for nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from graphql import GraphQLError, build_schema, get_introspection_query, parse

from resolvers.limits import Limits, OverLimit, check_document, check_operations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from graphql import DocumentNode

CALLS_PER_LINK_MAX = 100
"""What a link of a chain may cost; eighteen links that double are 262,144 spreads."""

SCHEMA = build_schema("""
    type Query { node: Node health: String projects(first: Int, last: Int): ProjectConnection tables: [Table!]! }
    type Mutation { signIn(password: String): String createProject: Node }
    union Node = Project | Table
    type PageInfo { endCursor: String hasNextPage: Boolean! }
    type ProjectConnection { edges: [ProjectEdge!]! nodes: [Project!]! pageInfo: PageInfo! }
    type ProjectEdge { cursor: String! node: Project! }
    type Project { id: ID! name: String! parent: Project related(first: Int): ProjectConnection tables: [Table!]! }
    type Table { id: ID! name: String! columns: [String!]! indexes: [Table!]! }
""")

FULL_INTROSPECTION = get_introspection_query(
    descriptions=True,
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
)


def check(text: str, variables: dict[str, object] | None = None, limits: Limits | None = None) -> bool:
    limits = limits or Limits()
    document = parse(text)
    check_document(document, limits)
    return check_operations(SCHEMA, document, variables or {}, limits)


def refusal(text: str, variables: dict[str, object] | None = None, limits: Limits | None = None) -> str:
    with pytest.raises(OverLimit) as refused:
        check(text, variables, limits)
    assert refused.value.extensions == {"code": "VALIDATION_FAILED"}
    return refused.value.message


def nested(levels: int) -> str:
    """`node`, then `parent` within each other, then a leaf: `levels` fields deep."""
    inner = "parent { " * (levels - 2) + "id" + " }" * (levels - 2)
    return f"{{ node {{ ... on Project {{ {inner} }} }} }}"


def doubling(links: int, spread: str = "...f{0} ...f{0}") -> str:
    """A chain of fragments, each spreading the next one twice: 2^links leaves when written out."""
    chain = "".join(f"fragment f{n} on Project {{ {spread.format(n + 1)} }} " for n in range(links))
    return f"{{ node {{ ...f0 }} }} {chain} fragment f{links} on Project {{ id }}"


@pytest.mark.parametrize(
    ("within", "beyond", "message"),
    [
        (nested(12), nested(13), "Too many levels of fields: 13, at most 12 allowed."),
        (
            "{ " + " ".join(f"a{n}: health" for n in range(20)) + " }",
            "{ " + " ".join(f"a{n}: health" for n in range(21)) + " }",
            "Too many fields at the top of an operation: 21, at most 20 allowed.",
        ),
        (
            "{ node { ... on Project { " + " ".join(f"a{n}: id" for n in range(30)) + " } } }",
            "{ node { ... on Project { " + " ".join(f"a{n}: id" for n in range(31)) + " } } }",
            "Too many aliases: 31, at most 30 allowed.",
        ),
        (
            "{ health" + " @a" * 8 + " }",
            "{ health" + " @a" * 9 + " }",
            "Too many directives in one place: 9, at most 8 allowed.",
        ),
        (
            "query" + " @a" * 2 + " { " + " ".join(f"a{n}: health @a @b @c @d" for n in range(12)) + " }",
            "query" + " @a" * 3 + " { " + " ".join(f"a{n}: health @a @b @c @d" for n in range(12)) + " }",
            "Too many directives: 51, at most 50 allowed.",
        ),
        (
            "{ health }" + "".join(f" fragment f{n} on Query {{ health }}" for n in range(20)),
            "{ health }" + "".join(f" fragment f{n} on Query {{ health }}" for n in range(21)),
            "Too many fragments: 21, at most 20 allowed.",
        ),
        (
            "{ node { ... on Project {" + " id" * 61 + " } } }",
            "{ node { ... on Project {" + " id" * 62 + " } } }",
            "Too many repeated fields: 61, at most 60 allowed.",
        ),
        (
            "mutation { signIn createProject { __typename } }",
            "mutation { signIn two: signIn }",
            "Too many fields `signIn` in one operation: 2, at most 1 allowed.",
        ),
        (
            '{ a: __schema { description } b: __schema { description } c: __type(name: "Table") { name } }',
            (
                "{ a: __schema { description } ...more } fragment more on Query { b: __schema { description } "
                'c: __type(name: "Table") { name } d: __type(name: "Table") { name } }'
            ),
            "Too many introspections in one operation: 4, at most 3 allowed.",
        ),
    ],
)
def test_a_document_at_the_limit_passes_and_one_step_more_is_refused(within: str, beyond: str, message: str) -> None:
    check(within)
    assert refusal(beyond) == message


def points(text: str, variables: dict[str, object] | None = None) -> int:
    """Read the cost, in whole points, from the refusal of a limit of nothing."""
    message = refusal(text, variables, Limits(cost_points_max=0))
    return int(message.removeprefix("The operation costs ").split(" points")[0].replace(",", ""))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # A point for the object, a tenth for each of ten scalars.
        ("{ node { ... on Project {" + " id" * 10 + " } } }", 2),
        # A list without pages is guessed at ten.
        ("{ tables { id } }", 11),
        ("{ tables { indexes { id } } }", 10 * (1 + 11)),
        ("{ tables { columns } }", 10 * (1 + 1)),
        # The point of a row is counted at its page; the frame around the rows is free.
        ("{ projects(first: 50) { nodes { id } } }", 55),
        ("{ projects(last: 20) { edges { node { parent { id } } } } }", 20 * 2.1),
        # Pages within pages multiply; what a fragment holds counts where it is spread.
        ("{ projects(first: 10) { nodes { related(first: 20) { nodes { id } } } } }", 10 * (1 + 20 * 1.1)),
        ("{ projects(first: 10) { nodes { ...f ...f } } } fragment f on Project { parent { id } }", 10 * (1 + 2 * 1.1)),
        # A page of open size is taken at its largest.
        ("{ projects { nodes { id } } }", 110),
    ],
)
def test_the_cost_is_a_point_an_object_and_a_tenth_a_scalar_times_the_rows(text: str, expected: float) -> None:
    assert points(text) == pytest.approx(expected)


def test_a_hundred_projects_with_twenty_more_each_is_within_the_cost_and_a_hundred_each_is_not() -> None:
    text = "query Q($n: Int) { projects(first: 100) { nodes { id related(first: $n) { nodes { id name } } } } }"
    check(text, {"n": 20})
    assert refusal(text, {"n": 100}) == (
        "The operation costs 12,110 points, and 5,000 are allowed: ask for fewer rows with `first`, or in several "
        "requests."
    )


def test_the_outcome_depends_on_the_variables_only_where_they_set_the_size_of_a_page() -> None:
    assert check("query Q($n: Int) { projects(first: $n) { nodes { id } } }", {"n": 5})
    assert not check("mutation M($p: String) { signIn(password: $p) }", {"p": "secret"})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"n": 7}, 7 * 1.1), ({}, 30 * 1.1), ({"n": None}, 110), ({"n": "many"}, 110), ({"n": -5}, 1)],
)
def test_a_page_is_as_large_as_its_variable_or_its_default_says(variables: dict[str, object], expected: float) -> None:
    text = "query Q($n: Int = 30) { projects(first: $n) { nodes { id } } }"
    assert points(text, variables) == int(expected)


@pytest.mark.parametrize(
    "text",
    [
        FULL_INTROSPECTION,
        "{ __schema { types { fields { type { ofType { ofType { ofType { name } } } } } } } }",
        '{ __type(name: "Table") { fields { args { type { fields { name } } } } } }',
    ],
)
def test_introspection_as_tools_send_it_passes(text: str) -> None:
    check(text)


def test_introspection_from_type_to_type_to_type_is_refused() -> None:
    text = "{ __schema { types { fields { type { ...t } } } } } fragment t on __Type { fields { type { ...u } } } "
    text += "fragment u on __Type { interfaces { name } }"
    assert refusal(text) == "Too many lists of types within each other: 3, at most 2 allowed."


def test_introspection_deeper_than_any_type_is_refused() -> None:
    assert "levels of introspection" in refusal(
        "{ __schema { types { " + "ofType { " * 19 + "name" + " }" * 19 + " } } }"
    )


@contextmanager
def steps_at_most(calls_max: int) -> Iterator[None]:
    """Hold what is done inside to a number of calls of functions; unlike time, they are the same everywhere."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert calls <= calls_max


@pytest.mark.parametrize(
    "spread",
    ["...f{0} ...f{0}", "parent {{ ...f{0} }} other: parent {{ ...f{0} }}", "... on Project {{ ...f{0} }} ...f{0}"],
)
@pytest.mark.parametrize("links", [18, 19, 64, 200])
def test_a_chain_of_doubling_fragments_is_refused_in_few_steps(links: int, spread: str) -> None:
    document = parse(doubling(links, spread))
    for limits in (Limits(), Limits(fragments_max=1000, repeats_max=1000)):
        with steps_at_most(CALLS_PER_LINK_MAX * links), pytest.raises(OverLimit):
            _check_parsed(document, limits)


def test_a_chain_of_64_doubling_fragments_is_weighed_exactly_in_few_steps() -> None:
    limits = Limits(fragments_max=100, nesting_max=100, cost_points_max=2**64 // 10 + 2)
    document = parse(doubling(64))
    with steps_at_most(CALLS_PER_LINK_MAX * 64):
        _check_parsed(document, limits)
    assert "more than 10^12 points" in refusal(doubling(64), limits=Limits(fragments_max=100, nesting_max=100))


def _check_parsed(document: DocumentNode, limits: Limits) -> None:
    check_document(document, limits)
    check_operations(SCHEMA, document, {}, limits)


@pytest.mark.parametrize(
    "text",
    [
        "{ node { ...f } } fragment f on Project { ...f }",
        "{ node { ...f } } fragment f on Project { parent { ...g } } fragment g on Project { parent { ...f } }",
        "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }",
        "{ node { ...missing } }",
        "{ ...missing }",
        "{ missing { missing(first: 3) { missing } } }",
        "{ node { ... on Missing { missing { missing } } } } fragment f on Missing { id }",
        "subscription { anything }",
        "{ health { nothing } projects }",
        '{ projects(first: "many") { nodes { id } } }',
    ],
)
def test_a_document_that_is_not_valid_is_left_to_validation(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{" + "... { " * 60 + "health" + " }" * 60 + "}", "selection sets within each other"),
        ("{ node { ... on Project {" + " parent { id }" * 300 + " } } }", "repeated fields"),
        ("{ node { " + "... on Project { parent { id } } " * 200 + " } }", "repeated fields"),
        ("{ node {" + " id @a @b @c @d @e @f @g @h" * 60 + " } }", "directives"),
        ("{ health" + " @unknown" * 900 + " }", "directives in one place"),
        ("query Q(" + " ".join(f"$v{n}: Int @a" for n in range(60)) + ") { health }", "directives"),
        ("{ tables { indexes { indexes { indexes { indexes { id } } } } } }", "points"),
    ],
)
def test_overloading_is_refused(text: str, message: str) -> None:
    assert message in refusal(text)


@pytest.mark.parametrize(
    "text",
    ["{ " + "health " * 2000 + "}", "#\n" * 101 + "{ health }", "{ health } #" + "x" * 300_000, "{a" * 3000],
)
def test_the_parser_stops_at_its_own_limits(text: str) -> None:
    limits = Limits()
    with pytest.raises(GraphQLError):
        parse(
            text,
            max_lexical_tokens=limits.tokens_max,
            max_comments=limits.comments_max,
            max_source_length=limits.source_chars_max,
        )
