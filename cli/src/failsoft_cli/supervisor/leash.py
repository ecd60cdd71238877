"""Executes a program that is asked to end when its parent dies, however the parent dies.

    python -I -S leash.py PARENT PROGRAM [ARGUMENT...]

PARENT is the parent's process id: it may be gone before the kernel is told to watch it.
Where the kernel isn't Linux the program is executed without a leash.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, program: list[str]) -> None:
    """Become the program; return when there is no parent left to run it for."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return
    try:
        os.execv(program[0], program)  # noqa: S606 - becoming another program is the point
    except OSError as error:
        sys.exit(f"{program[0]} cannot be executed: {error.strerror}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
