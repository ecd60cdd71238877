"""What the command writes on: a terminal, or a file that has no colours and long lines."""

import re

from rich.console import Console

_FILE_COLUMNS = 120
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def stdout() -> Console:
    """Where answers and tables go."""
    return _console(stderr=False)


def stderr() -> Console:
    """Where complaints go."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = _FILE_COLUMNS
    return console


def harmless(text: str) -> str:
    """Text of others without what a terminal would obey; line feeds and tabs are left."""
    return _CONTROL.sub("", text)
