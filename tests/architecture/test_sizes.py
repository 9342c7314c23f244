"""Files and functions stay small enough to be read at one sitting. There is no list of exceptions."""

from __future__ import annotations

from tests.architecture.source import PACKAGES, functions, python_files, relative

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50


def test_no_file_is_longer_than_its_budget() -> None:
    lengths = {relative(file): len(file.read_text().splitlines()) for file in python_files(*PACKAGES, "tests")}

    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES_MAX} == {}


def test_no_function_is_longer_than_its_budget() -> None:
    lengths = {
        f"{relative(file)}:{function.lineno} {function.name}": (function.end_lineno or 0) - function.lineno + 1
        for file in python_files(*PACKAGES, "tests")
        for function in functions(file)
    }

    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}
