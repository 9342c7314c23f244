"""Sealed secrets open only where they were sealed for, and only as they were sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import Conflict
from domain.kernel.values import Secret
from infra.crypto.envelope import NONCE_BYTES, Context, Envelope

CONTEXT = Context(UUID(int=1), UUID(int=2), "password", 3)
ENVELOPE = Envelope(b"k" * 32)


@given(st.text())
def test_what_was_sealed_opens_again(text: str) -> None:
    sealed = ENVELOPE.seal(Secret(text), CONTEXT)

    assert ENVELOPE.open(sealed, CONTEXT) == Secret(text)
    assert len(text) < 4 or text.encode() not in sealed.wrapped_key + sealed.ciphertext


def test_a_record_with_any_byte_flipped_or_cut_off_does_not_open() -> None:
    sealed = ENVELOPE.seal(Secret("hunter2"), CONTEXT)

    for wrapped_key in _damaged(sealed.wrapped_key):
        with pytest.raises(Conflict):
            ENVELOPE.open(replace(sealed, wrapped_key=wrapped_key), CONTEXT)
    for ciphertext in _damaged(sealed.ciphertext):
        with pytest.raises(Conflict):
            ENVELOPE.open(replace(sealed, ciphertext=ciphertext), CONTEXT)


def _damaged(whole: bytes) -> Iterator[bytes]:
    for place in range(len(whole)):
        yield whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        yield whole[:place]


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(CONTEXT, organization_id=UUID(int=9)),
        replace(CONTEXT, connection_id=UUID(int=9)),
        replace(CONTEXT, field="token"),
        replace(CONTEXT, version=2),
    ],
)
def test_a_record_does_not_open_for_anything_else(elsewhere: Context) -> None:
    sealed = ENVELOPE.seal(Secret("hunter2"), CONTEXT)

    with pytest.raises(Conflict):
        ENVELOPE.open(sealed, elsewhere)


def test_a_record_of_another_key_or_format_does_not_open() -> None:
    other = Envelope(b"K" * 32)
    sealed = ENVELOPE.seal(Secret("hunter2"), CONTEXT)

    for forged in (other.seal(Secret("hunter2"), CONTEXT), replace(sealed, format=2), replace(sealed, key_id="")):
        with pytest.raises(Conflict):
            ENVELOPE.open(forged, CONTEXT)
    with pytest.raises(Conflict):
        other.open(replace(sealed, key_id=other.key_id), CONTEXT)


def test_the_parts_of_a_record_cannot_be_swapped() -> None:
    first, second = (ENVELOPE.seal(Secret("hunter2"), CONTEXT) for _ in range(2))

    with pytest.raises(Conflict):
        ENVELOPE.open(replace(first, ciphertext=second.ciphertext), CONTEXT)
    with pytest.raises(Conflict):
        ENVELOPE.open(replace(first, wrapped_key=first.ciphertext, ciphertext=first.wrapped_key), CONTEXT)


def test_no_nonce_and_no_key_is_used_twice() -> None:
    sealed = [ENVELOPE.seal(Secret("hunter2"), CONTEXT) for _ in range(10_000)]
    nonces = [part[:NONCE_BYTES] for each in sealed for part in (each.wrapped_key, each.ciphertext)]

    assert len(set(nonces)) == len(nonces)
    assert len({each.ciphertext[NONCE_BYTES:] for each in sealed}) == len(sealed)
