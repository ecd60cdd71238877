"""A service's process, from `main` to its exit code."""

import asyncio
import contextlib
import gc
import resource
import sys
from collections.abc import Callable, Coroutine, Iterator

import structlog
import uvloop
from structlog.typing import FilteringBoundLogger

from failsoft_kit import logs
from failsoft_kit.startup import StartupError

__all__ = ["CRASHED", "DRAINED", "INTERRUPTED", "REFUSED", "StartupError", "main", "settle"]

DRAINED = 0
CRASHED = 1
REFUSED = 2
INTERRUPTED = 130

COLLECT_AFTER = 10_000
"""Objects more made than let go. A request makes some hundreds, and reference counts let go of
nearly all: at Python's 700 the collector looked through them after each request, and found none."""

MAX_FILES = 65_536
"""Connections are open files; shells give 1024, for the sake of programs that use select(2)."""

_log: FilteringBoundLogger = structlog.get_logger()


def main(run: Callable[[], Coroutine[object, None, None]]) -> int:
    """Run a service on uvloop until it ends.

    Args:
        run: Reads the settings, wires the service and serves; called once, within no loop yet.

    Returns:
        The exit code. 0: drained. 1: crashed, the traceback is logged. 2: refused to start, every
        problem is a line on stderr. 130: interrupted before it served.
    """
    _may_open_many_files()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        refusals = list(_refusals(error))
        if refusals:
            problems = [problem for refusal in refusals for problem in refusal.problems]
            sys.stderr.writelines(f"{problem}\n" for problem in problems)
            return REFUSED
        if not structlog.is_configured():
            logs.configure(logs.LogSettings(), service="failsoft", trace=lambda: None)
        _log.critical("process.crashed", exc_info=error)
        return CRASHED
    return DRAINED


def settle() -> None:
    """All is made that lasts as long as the process: spare the garbage collector to look at it.

    Looking at it again and again costs 5 % of a request, and a pause now and then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def _may_open_many_files() -> None:
    """Take what the system lets a process have, up to `MAX_FILES`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(ValueError, OSError):  # macOS has a limit of the kernel's own
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _refusals(error: Exception) -> Iterator[StartupError]:
    """The refusals that an error consists of; none if it is or holds anything else."""
    if isinstance(error, StartupError):
        yield error
    elif isinstance(error, ExceptionGroup) and error.split(StartupError)[1] is None:
        for inner in error.exceptions:
            yield from _refusals(inner)
