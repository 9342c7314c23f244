"""The rules of projects."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import Conflict, ValidationFailed
from domain.projects.aggregate import Actor, Project
from domain.projects.values import TRANSITIONS, ProjectRole, ProjectStatus

ADA, BEN = UUID(int=1), UUID(int=2)
ACTOR = Actor(ADA, datetime(2026, 1, 31, 12, tzinfo=UTC))

steps = st.one_of(st.sampled_from(ProjectStatus), st.tuples(st.sampled_from([ADA, BEN]), st.sampled_from(ProjectRole)))


def a_project() -> Project:
    return Project.create(UUID(int=7), UUID(int=8), "sakila", "", ACTOR)


@given(st.lists(steps, max_size=30))
def test_a_replayed_project_is_the_project_and_always_has_an_owner(
    path: list[ProjectStatus | tuple[UUID, ProjectRole]],
) -> None:
    project = a_project()
    for step in path:
        before = project.status
        try:
            if isinstance(step, ProjectStatus):
                project.move_to(step, ACTOR)
                assert step is before or step in TRANSITIONS[before]
            else:
                project.assign(*step, ACTOR)
        except Conflict:
            assert project.status is before

    replayed = Project.replay(project.id, project.pending)

    assert (replayed.status, replayed.roles, replayed.name) == (project.status, project.roles, project.name)
    assert ProjectRole.OWNER in project.roles.values()


@pytest.mark.parametrize("name", ["", " ", "two words", "a" * 101, "ä", "a/b"])
def test_a_name_has_only_letters_digits_hyphens_and_underscores(name: str) -> None:
    with pytest.raises(ValidationFailed):
        Project.create(UUID(int=7), UUID(int=8), name, "", ACTOR)
