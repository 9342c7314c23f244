"""What happens to a document on its way to execution: limits, validation, and being found again."""

from __future__ import annotations

from collections.abc import AsyncIterator  # read by Strawberry at run time

import pytest
import strawberry
from graphql import parse
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionResult

from resolvers.documents import LimitedDocuments, Passed, PassedDocuments, limited_documents
from resolvers.limits import Limits


@strawberry.type
class Row:
    name: str


@strawberry.type
class Query:
    @strawberry.field
    def rows(self, first: int) -> list[Row]:
        return [Row(name=str(number)) for number in range(first)]

    @strawberry.field
    def health(self) -> str:
        return "ok"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


def schema(limits: Limits | None = None) -> strawberry.Schema:
    return strawberry.Schema(query=Query, subscription=Subscription, extensions=[limited_documents(limits or Limits())])


async def errors(text: str, variables: dict[str, object] | None = None, limits: Limits | None = None) -> list[str]:
    result = await schema(limits).execute(text, variable_values=variables)
    return [error.message for error in result.errors or []]


async def test_a_modest_document_runs() -> None:
    result = await schema().execute("query Rows($n: Int!) { rows(first: $n) { name } }", variable_values={"n": 2})
    assert result.errors is None
    assert result.data == {"rows": [{"name": "0"}, {"name": "1"}]}


async def test_a_document_over_a_limit_is_refused_with_a_code() -> None:
    result = await schema().execute("{ " + " ".join(f"a{n}: health" for n in range(21)) + " }")
    assert result.data is None
    assert result.errors is not None
    assert [error.formatted for error in result.errors] == [
        {
            "message": "Too many fields at the top of an operation: 21, at most 20 allowed.",
            "extensions": {"code": "VALIDATION_FAILED"},
        }
    ]


async def test_a_document_that_breaks_the_rules_of_the_language_is_refused() -> None:
    assert await errors("{ nothing }") == ["Cannot query field 'nothing' on type 'Query'."]
    assert await errors("{ health") == ["Syntax Error: Expected Name, found <EOF>."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ " + "health " * 2000 + "}", "more than 2000 tokens"),
        ("#\n" * 101 + "{ health }", "more than 100 comments"),
        ("{ health } #" + "x" * 262_144, "more than 262144"),
        ("{a" * 900, "nested too deeply"),
    ],
)
async def test_the_parser_is_bounded(text: str, message: str) -> None:
    (found,) = await errors(text)
    assert message in found


async def test_a_refusal_reaches_a_stream_as_its_first_and_only_result() -> None:
    for text in ("subscription { ticks @a @b @c @d @e @f @g @h @i }", "subscription { ticks", "subscription { tocks }"):
        results = [result async for result in await schema().stream(text)]
        assert len(results) == 1
        assert isinstance(results[0], ExecutionResult)
        assert results[0].errors


async def test_the_weight_of_a_kept_document_follows_the_variables_of_each_request() -> None:
    one_schema = schema(Limits(cost_points_max=20))
    text = "query Rows($n: Int!) { rows(first: $n) { name } }"
    for rows, refused in ((2, False), (200, True), (3, False), (201, True)):
        result = await one_schema.execute(text, variable_values={"n": rows})
        assert bool(result.errors) is refused


async def test_a_document_that_passed_is_parsed_and_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = PassedDocuments()
    one_schema = strawberry.Schema(query=Query, extensions=[lambda: LimitedDocuments(Limits(), kept)])
    assert (await one_schema.execute("{ health }")).data == {"health": "ok"}
    assert len(kept) == 1

    def fails(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("strawberry.schema.schema.parse", fails)
    monkeypatch.setattr("resolvers.documents.validate", fails)
    monkeypatch.setattr("resolvers.documents.check_operations", fails)
    assert (await one_schema.execute("{ health }")).data == {"health": "ok"}


async def test_names_close_to_a_wrong_one_are_told_only_where_the_schema_may_be_known() -> None:
    for quiet in (False, True):
        config = StrawberryConfig(disable_field_suggestions=quiet)
        one_schema = strawberry.Schema(query=Query, config=config, extensions=[limited_documents(Limits())])
        for text in ("{ healt }", "query Q($a: Stringg) { health }", "{ rows(firs: 1) { name } }"):
            result = await one_schema.execute(text)
            assert result.errors is not None
            assert any("Did you mean" in error.message for error in result.errors) is not quiet


async def test_no_more_faults_than_twenty_are_reported() -> None:
    found = await errors("{ rows(first: 1) { " + " ".join(f"wrong{n}" for n in range(30)) + " } }")
    assert len(found) == 21
    assert found[-1].startswith("Too many validation errors")


async def test_documents_that_failed_are_not_kept() -> None:
    kept = PassedDocuments()
    one_schema = strawberry.Schema(query=Query, extensions=[lambda: LimitedDocuments(Limits(), kept)])
    for text in ("{ nothing }", "{ health", "{ health" + " @a" * 9 + " }"):
        assert (await one_schema.execute(text)).errors
    assert len(kept) == 0


def test_the_document_not_used_for_longest_goes_first() -> None:
    kept = PassedDocuments(chars_max=10)
    passed = Passed(parse("{ health }"), weighed_anew=False)
    kept.keep("aaaa", (), passed)
    kept.keep("bbbb", (), passed)
    assert kept.find("aaaa", ()) is passed
    kept.keep("cccc", (), passed)
    assert kept.find("bbbb", ()) is None
    assert kept.find("aaaa", ()) is passed
    assert kept.find("cccc", ()) is passed
    kept.keep("longer than all", (), passed)
    assert len(kept) == 2
