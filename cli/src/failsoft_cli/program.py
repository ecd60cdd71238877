"""What the user types to run this command, so that a hint can be pasted as it stands."""

import shlex
import shutil
import sys
from pathlib import Path

_NAME = "failsoft"


def spelling() -> str:
    """The command as it was called: its name when the shell finds it, else a path."""
    return spelled(sys.argv[0], found=shutil.which(_NAME), interpreter=sys.executable)


def spelled(called: str, *, found: str | None, interpreter: str) -> str:
    """How to call it again.

    Args:
        called: The first word of the command line, as Python tells it.
        found: Where the shell finds the command; None: nowhere.
        interpreter: The Python that runs it.
    """
    if Path(called).name == "__main__.py":
        return f"{shlex.quote(interpreter)} -m failsoft_cli"
    if "/" not in called or called == found:
        return _NAME
    return shlex.quote(called)
