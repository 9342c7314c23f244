"""Rows of COPY come off a socket whole and in order, however the line cuts what it carries."""

from __future__ import annotations

import shutil
import socket
import struct
import threading
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from sysconfig import get_path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.connectors.native import has_native

if not has_native() and (shutil.which("cc") is None or not Path(get_path("include"), "Python.h").exists()):
    pytest.skip("the C helper was not built here", allow_module_level=True)

from infra.connectors.native import _native

READY = b"Z\0\0\0\x05T"


def message(kind: bytes, body: bytes) -> bytes:
    return struct.pack("!cI", kind, len(body) + 4) + body


def taken(pieces: list[bytes], bytes_max: int) -> tuple[list[bytes], _native.CopyWire]:
    """Send pieces one after the other, and return all blocks that were taken."""
    here, there = socket.socketpair()
    with here, there:

        def send() -> None:
            with suppress(BrokenPipeError):  # nobody listens any more
                for piece in pieces:
                    there.sendall(piece)
                there.shutdown(socket.SHUT_WR)

        sending = threading.Thread(target=send)
        sending.start()
        here.setblocking(False)
        wire = _native.CopyWire(here.fileno())
        blocks = []
        try:
            while not wire.ended:
                block = wire.take(bytes_max)
                if block is None:
                    break
                blocks.append(block)
        finally:
            here.shutdown(socket.SHUT_RDWR)
            sending.join()
    return blocks, wire


@given(
    st.lists(st.binary(max_size=70), max_size=30),
    st.lists(st.integers(0, 3_000), max_size=6),
    st.sampled_from([1, 64, 1_000, 1_000_000]),
)
def test_rows_come_whole_wherever_the_line_cuts(rows: list[bytes], cuts: list[int], bytes_max: int) -> None:
    others = message(b"N", b"SNOTICE\0\0") + message(b"S", b"a\0b\0")
    sent = message(b"H", b"\1\0\0") + others.join(message(b"d", row) for row in rows)
    sent += message(b"c", b"") + message(b"C", b"COPY 7\0") + READY
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]

    blocks, wire = taken([sent[a:b] for a, b in pairwise(places)], bytes_max)

    assert b"".join(blocks) == b"".join(rows)
    assert (wire.ended, wire.tag, wire.error) == (True, b"COPY 7\0", b"")
    ends = {sum(len(row) for row in rows[:n]) for n in range(len(rows) + 1)}
    assert {sum(len(block) for block in blocks[:n]) for n in range(len(blocks) + 1)} <= ends


@pytest.mark.parametrize("before", [0, 10])
def test_a_row_larger_than_a_block_makes_one_of_its_own(before: int) -> None:
    large = bytes(range(256)) * 8_000
    sent = message(b"d", b"x" * before) + message(b"d", large) + message(b"d", b"end")

    blocks, _ = taken([sent + message(b"C", b"COPY 3\0") + READY], 1_000)

    assert [len(block) for block in blocks if len(block) > 1_000] == [len(large)]
    assert b"".join(blocks) == b"x" * before + large + b"end"


def test_an_error_of_the_server_is_kept() -> None:
    fields = b"SERROR\0C22012\0Mdivision by zero\0\0"

    _, wire = taken([message(b"d", b"row") + message(b"E", fields) + READY], 1_000)

    assert wire.error == fields


def test_a_server_that_hangs_up_with_an_error_has_said_why() -> None:
    fields = b"SFATAL\0C57P01\0Mterminating\0\0"

    blocks, wire = taken([message(b"d", b"row") + message(b"E", fields)], 1_000)

    assert blocks == []
    assert (wire.ended, wire.error) == (False, fields)


@pytest.mark.parametrize("sent", [b"", b"d\0\0", message(b"d", b"row") + b"d\0\0\0\x20half"])
def test_a_server_that_hangs_up_without_a_word_is_an_error(sent: bytes) -> None:
    with pytest.raises(ConnectionResetError):
        taken([sent], 1_000)


@pytest.mark.parametrize("sent", [b"d\0\0\0\3", b"d\xff\xff\xff\xff", message(b"R", b"\0\0\0\0"), b"HTTP/1.1 200"])
def test_what_is_no_copy_is_not_understood(sent: bytes) -> None:
    with pytest.raises(ConnectionError, match="not understood"):
        taken([sent], 1_000)
