"""Signing up, in and out through the API."""

from __future__ import annotations

import asyncio

from tests.support.api import ApiClient, LiveApi

SESSION = "... on SessionSuccess { session { accessToken refreshToken } }"


async def _sign_in(client: ApiClient, password: str) -> str:
    """Return the code of the refusal, or nothing."""
    document = "mutation($i: SignInInput!) { signIn(input: $i) { __typename } }"
    answer = (await client.post(document, {"i": {"email": client.email, "password": password}})).json()
    return str(answer["errors"][0]["extensions"]["code"]) if "errors" in answer else ""


async def test_a_wrong_password_and_an_unknown_address_are_refused_alike(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    stranger = live_api.client()
    stranger.email = "nobody@example.org"

    assert await _sign_in(ada, "wrong horse battery") == "UNAUTHENTICATED"
    assert await _sign_in(stranger, "wrong horse battery") == "UNAUTHENTICATED"


async def test_an_address_registers_once_whatever_its_case(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    input_ = {"email": ada.email.upper(), "password": "correct horse battery", "firstName": "A", "lastName": "B"}

    result = await live_api.client().tell("registerUser", "RegisterUserInput", input_)

    assert (result["code"], result["path"]) == ("CONFLICT", ["email"])


async def test_guessing_is_slowed_down(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()

    codes = [await _sign_in(ada, f"guess number {n}") for n in range(12)]

    assert "RATE_LIMITED" in codes
    assert await _sign_in(ada, "correct horse battery") == "RATE_LIMITED"


async def test_a_refresh_token_works_once_and_its_second_use_ends_the_session(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    first = {"refreshToken": ada.refresh_token}
    renewed = await live_api.client().ok("refreshSession", "RefreshSessionInput", first, SESSION)

    document = "mutation($i: RefreshSessionInput!) { refreshSession(input: $i) { __typename } }"
    assert (await live_api.client().refused(document, i=first))["code"] == "UNAUTHENTICATED"

    successor = {"refreshToken": renewed["session"]["refreshToken"]}
    assert (await live_api.client().refused(document, i=successor))["code"] == "UNAUTHENTICATED"


async def test_of_many_refreshes_at_once_one_succeeds(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()
    document = "mutation($i: RefreshSessionInput!) { refreshSession(input: $i) { __typename } }"
    variables = {"i": {"refreshToken": ada.refresh_token}}

    answers = await asyncio.gather(*(live_api.client().post(document, variables) for _ in range(10)))

    assert sum("errors" not in answer.json() for answer in answers) == 1


async def test_signing_out_ends_the_session(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()

    await ada.ask("mutation { signOut { ... on SignOutSuccess { signedOut } } }")

    renewal = "mutation($i: RefreshSessionInput!) { refreshSession(input: $i) { __typename } }"
    refusal = await live_api.client().refused(renewal, i={"refreshToken": ada.refresh_token})
    assert refusal["code"] == "UNAUTHENTICATED"


async def test_a_password_is_stored_only_as_an_argon2id_hash(live_api: LiveApi) -> None:
    ada = await live_api.signed_in()

    rows = await live_api.container.database.rows("SELECT password_hash FROM account WHERE email = :e", e=ada.email)
    events = await live_api.container.database.rows("SELECT CAST(data AS text) AS data FROM event")

    assert rows[0]["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not any("correct horse" in row["data"] for row in events)
