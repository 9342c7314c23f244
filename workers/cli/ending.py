"""The end of a command on Ctrl-C at moments when nothing can be waited for. Imports nothing that takes time."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

EXIT_STOPPED = 130


def end_at_once(message: str) -> NoReturn:
    """End the process, with the document that `--json` promises."""
    if "--json" in sys.argv:
        os.write(1, b'{"status": "PAUSED"}\n')
    os.write(2, f"wherry: {message}\n".encode())
    os._exit(EXIT_STOPPED)


def end_while_starting() -> None:
    """From now on, Ctrl-C ends the process: in the middle of an import there is nothing to be put in order."""
    signal.signal(signal.SIGINT, _not_begun)


def has_started() -> None:
    """From now on, whoever works says what Ctrl-C means."""
    if signal.getsignal(signal.SIGINT) is _not_begun:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _not_begun(_number: int, _frame: FrameType | None) -> None:
    end_at_once("stopped before anything had begun")
