"""One execution of a streamed event for all who ask the same of it.

A thousand consoles that follow a migration send the same document, and their process holds each event once.
What a document makes of an event depends on nothing else, so it is made once and sent a thousand times.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from graphql import ExecutionResult, FieldNode, Node, OperationDefinitionNode, VariableNode, Visitor, visit
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

ANSWERS_MAX: Final = 256
"""Answers that are kept, for all documents together; one is wanted for a moment, until all have it."""

DOCUMENTS_MAX: Final = 256
"""Operations of which is remembered whether their answers may be shared."""

Plain = tuple[type, ...]


class Answers:
    """What operations made of events; the one not used for longest goes first."""

    def __init__(self) -> None:
        # The keys are identities, so what they identify is kept as well.
        self._kept: OrderedDict[tuple[int, int], tuple[OperationDefinitionNode, object, ExecutionResult]] = (
            OrderedDict()
        )
        self._sharable: OrderedDict[int, tuple[OperationDefinitionNode, bool]] = OrderedDict()

    def find(self, operation: OperationDefinitionNode, event: object) -> ExecutionResult | None:
        """Return what an operation has made of an event."""
        key = (id(operation), id(event))
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][2]

    def keep(self, operation: OperationDefinitionNode, event: object, answer: ExecutionResult) -> None:
        """Keep what an operation has made of an event."""
        self._kept[id(operation), id(event)] = (operation, event, answer)
        if len(self._kept) > ANSWERS_MAX:
            self._kept.popitem(last=False)

    def may_be_shared(self, operation: OperationDefinitionNode, fragments: list[Node]) -> bool:
        """Tell whether what an operation makes of an event depends on the event alone, and on no variable."""
        known = self._sharable.get(id(operation))
        if known is None:
            known = (operation, not _varies(operation, fragments))
            self._sharable[id(operation)] = known
            if len(self._sharable) > DOCUMENTS_MAX:
                self._sharable.popitem(last=False)
        return known[1]


def sharing(plain: Plain) -> type[StrawberryGraphQLCoreExecutionContext]:
    """Return an executor that shares what is made of events of the `plain` kinds.

    Plain is a kind that has values all the way down: no field of it is resolved by code that looks at who asks.
    """
    answers = Answers()

    class SharingExecutor(StrawberryGraphQLCoreExecutionContext):
        """Executes an operation, or a streamed event."""

        def execute_operation(self, serially: bool | None = None) -> Any:  # noqa: ANN401, FBT001 - graphql-core's
            """Take the answer that another subscriber has just had, or make it."""
            event, operation = self.root_value, self.operation
            if not isinstance(event, plain) or not answers.may_be_shared(operation, _definitions(self.fragments)):
                return super().execute_operation(serially)
            known = answers.find(operation, event)
            if known is not None:
                return known
            answer = super().execute_operation(serially)
            if isinstance(answer, ExecutionResult) and not answer.errors:
                answers.keep(operation, event, answer)
            return answer

    return SharingExecutor


def _definitions(fragments: Any) -> list[Node]:  # noqa: ANN401 - graphql-core wraps them in details
    return [details.definition for details in fragments.values()]


def _varies(operation: OperationDefinitionNode, fragments: list[Node]) -> bool:
    """Tell whether variables occur elsewhere than among the arguments of the root field, which chose the events."""
    roots = operation.selection_set.selections
    if not all(isinstance(root, FieldNode) for root in roots):
        return True
    below = [root.selection_set for root in roots if isinstance(root, FieldNode) and root.selection_set]
    directives = [directive for root in roots for directive in root.directives or ()]
    finder = _Variables()
    for node in (*below, *directives, *fragments):
        visit(node, finder)
    return finder.found


class _Variables(Visitor):
    """Looks for variables."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_variable(self, node: VariableNode, *_: Any) -> None:  # noqa: ANN401, ARG002 - graphql-core's
        """Note one."""
        self.found = True
