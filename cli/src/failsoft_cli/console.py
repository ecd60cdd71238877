"""What the command writes on: a terminal, or a file that has no colours and long lines."""

from rich.console import Console

_FILE_COLUMNS = 120


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
    """Text of others without what a terminal would obey: of control characters, line feeds
    and tabs are left.
    """
    return "".join(each for each in text if each.isprintable() or each in "\n\t")
