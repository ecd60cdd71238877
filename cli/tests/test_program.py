"""Hints can be pasted as they stand."""

import pytest

from failsoft_cli.program import spelled

INSTALLED = "/usr/local/bin/failsoft"


@pytest.mark.parametrize(
    ("called", "found", "again"),
    [
        pytest.param(".venv/bin/failsoft", None, ".venv/bin/failsoft", id="a path as it was typed"),
        pytest.param(INSTALLED, INSTALLED, "failsoft", id="found by the shell"),
        pytest.param("/a/failsoft", INSTALLED, "/a/failsoft", id="not the one that is found"),
        pytest.param("/my own/failsoft", None, "'/my own/failsoft'", id="quoted for the shell"),
        pytest.param(
            "/a/failsoft_cli/__main__.py", None, "/bin/python3 -m failsoft_cli", id="as a module"
        ),
    ],
)
def test_the_command_is_spelled_as_it_can_be_called_again(
    called: str, found: str | None, again: str
) -> None:
    assert spelled(called, found=found, interpreter="/bin/python3") == again
