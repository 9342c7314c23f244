"""The projects slice through the API."""

from __future__ import annotations

import asyncio

from tests.support.api import LiveApi, create_project
from tests.support.queries import counted_statements

PROJECT = "... on ProjectSuccess { project { id name status members { role user { email } } } }"


async def test_a_new_project_is_a_draft_that_its_maker_owns(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    founded = await ada.ok(
        "createOrganization",
        "CreateOrganizationInput",
        {"name": "Acme"},
        "... on CreateOrganizationSuccess { organization { id role } }",
    )
    organization_id = founded["organization"]["id"]

    made = await ada.ok(
        "createProject", "CreateProjectInput", {"organizationId": organization_id, "name": "sakila"}, PROJECT
    )

    assert made["project"]["status"] == "DRAFT"
    assert made["project"]["members"] == [{"role": "OWNER", "user": {"email": ada.email}}]
    listed = await ada.ask("{ projects { totalCount nodes { id } } }")
    assert listed["projects"] == {"totalCount": 1, "nodes": [{"id": made["project"]["id"]}]}


async def test_a_bad_project_name_is_refused_and_nothing_is_made(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    await create_project(ada)
    organization = (await ada.ask("{ organizations { id } }"))["organizations"][0]["id"]

    for name in ("", "two words", "a" * 101, "naïve"):
        result = await ada.tell("createProject", "CreateProjectInput", {"organizationId": organization, "name": name})
        assert (result["code"], result["path"]) == ("VALIDATION_FAILED", ["name"])

    assert (await ada.ask("{ projects { totalCount } }"))["projects"]["totalCount"] == 1


async def test_another_tenant_sees_nothing_of_a_project(live_api: LiveApi) -> None:
    ada, eve = await live_api.signed_in(), await live_api.signed_in()
    project_id = await create_project(ada)

    assert (await eve.ask("query($id: ID!) { project(id: $id) { name } }", id=project_id)) == {"project": None}
    assert (await eve.ask("{ projects { totalCount } }"))["projects"]["totalCount"] == 0
    history = await eve.refused("query($id: ID!) { projectHistory(projectId: $id) { kind } }", id=project_id)
    assert history["code"] == "NOT_FOUND"
    status = {"projectId": project_id, "newStatus": "ARCHIVED"}
    assert (await eve.tell("updateProjectStatus", "UpdateProjectStatusInput", status))["code"] == "NOT_FOUND"
    assert (await ada.ask("query($id: ID!) { project(id: $id) { status } }", id=project_id))["project"][
        "status"
    ] == "ACTIVE"


async def test_nobody_gets_past_the_door_without_a_token(live_api: LiveApi) -> None:
    anonymous = live_api.client()

    assert (await anonymous.refused("{ projects { totalCount } }"))["code"] == "UNAUTHENTICATED"
    response = await live_api.client("forged").post("{ viewer { id } }")
    assert response.status_code == 401


async def test_a_status_changes_only_along_the_allowed_ways(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    change = {"projectId": project_id, "newStatus": "COMPLETED"}
    await ada.ok("updateProjectStatus", "UpdateProjectStatusInput", change, PROJECT)

    result = await ada.tell("updateProjectStatus", "UpdateProjectStatusInput", change | {"newStatus": "DRAFT"})

    assert result["code"] == "CONFLICT"
    assert "ACTIVE, ARCHIVED" in result["message"]


async def test_the_same_idempotency_key_makes_one_project(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    await create_project(ada)
    organization = (await ada.ask("{ organizations { id } }"))["organizations"][0]["id"]
    input_ = {"organizationId": organization, "name": "once"}
    key = {"Idempotency-Key": "k-1"}

    first = await ada.ok("createProject", "CreateProjectInput", input_, PROJECT, **key)
    again = await ada.ok("createProject", "CreateProjectInput", input_, PROJECT, **key)
    other = await ada.tell("createProject", "CreateProjectInput", input_ | {"name": "twice"}, PROJECT, **key)

    assert again == first
    assert other["code"] == "CONFLICT"


async def test_project_activity_tells_the_past_and_then_the_present(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    document = "subscription($id: ID!) { projectActivity(projectId: $id) { sequence kind summary } }"

    async with ada.follow(document, id=project_id) as events:
        past = [(await anext(events))["projectActivity"] for _ in range(3)]
        await ada.ok(
            "updateProjectStatus", "UpdateProjectStatusInput", {"projectId": project_id, "newStatus": "COMPLETED"}
        )
        async with asyncio.timeout(4):
            news = (await anext(events))["projectActivity"]

    assert [event["kind"] for event in past] == ["ProjectCreated", "UserAssignedToProject", "ProjectStatusChanged"]
    assert news["summary"] == "The status changed from ACTIVE to COMPLETED."
    sequences = [event["sequence"] for event in (*past, news)]
    assert sequences == sorted(set(sequences))


async def test_listing_many_projects_costs_as_many_statements_as_listing_one(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    document = "{ projects(first: 100) { nodes { id members { role user { email } } } } }"
    await create_project(ada)
    with counted_statements(live_api.container.database) as one:
        await ada.ask(document)
    organization = (await ada.ask("{ organizations { id } }"))["organizations"][0]["id"]
    for number in range(49):
        await ada.ok("createProject", "CreateProjectInput", {"organizationId": organization, "name": f"p{number}"})

    with counted_statements(live_api.container.database) as fifty:
        answer = await ada.ask(document)

    assert len(answer["projects"]["nodes"]) == 50
    assert len(fifty) == len(one)
