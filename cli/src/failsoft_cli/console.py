"""What the command writes on: a terminal, or a file that has no colours and long lines."""

import os
import re
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from failsoft_kit.clock import Clock

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
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _FILE_COLUMNS
    return console


def prose(out: Console, sentences: str, *, style: str = "") -> None:
    """Write a paragraph: a terminal gets it wrapped between words, a file in one line."""
    out.print(Text(sentences, style=style), soft_wrap=not out.is_terminal)


def time_of_day(clock: Clock) -> str:
    """The time of this place, for a line of something that is watched."""
    return datetime.fromtimestamp(clock.unix(), tz=UTC).astimezone().strftime("%H:%M:%S")


def harmless(text: str) -> str:
    """Text of others without what a terminal would obey; line feeds and tabs are left."""
    return _CONTROL.sub("", text)
