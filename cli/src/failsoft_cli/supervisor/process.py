"""One life of one child process: its start, its log, its end."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from failsoft_cli.supervisor import leash
from failsoft_cli.supervisor.log_line import in_words

_LAST_LINES = 6
_LAST_BYTES = 16 * 1024
_LINE_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a process runs.

    Attributes:
        arguments: The program's absolute path, then its arguments.
        environ: Its whole environment; not shown, because it may hold keys.
        log: Where its output is appended.
    """

    arguments: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)
    log: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """How a process ended.

    Attributes:
        code: Its exit code; negative: the signal that killed it.
        last_words: The last lines of its log that are of this life, in words, oldest first.
    """

    code: int
    last_words: tuple[str, ...]

    def __str__(self) -> str:
        if self.code < 0:
            return f"was killed by {signal.Signals(-self.code).name}"
        return f"ended with exit code {self.code}"


class Process:
    """A child process; get one from `running`."""

    def __init__(self, process: asyncio.subprocess.Process, program: Program, born_at: int) -> None:
        """
        Args:
            born_at: Bytes that the log had before.
        """
        self._process = process
        self._program = program
        self._born_at = born_at

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> Death:
        """Until it has ended, for whatever reason."""
        code = await self._process.wait()
        return Death(code=code, last_words=_last_lines(self._program.log, since=self._born_at))

    def terminate(self) -> None:
        """Ask it to end, or to hurry if it has been asked before."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it by force."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()


@contextlib.asynccontextmanager
async def running(program: Program) -> AsyncIterator[Process]:
    """The program as a child in a session of its own; killed if it outlives the block.

    Ctrl-C in a terminal therefore doesn't reach it: whoever runs it ends it in good order.
    When this process dies without a word the child gets a SIGTERM (on Linux).

    Raises:
        OSError: It cannot be executed, or its log cannot be written.
    """
    log = _open(program.log)
    try:
        born_at = os.fstat(log).st_size
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(leash.__file__), str(os.getpid())),
            *program.arguments,
            env=program.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    process = Process(child, program, born_at)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


def _open(log: Path) -> int:
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _last_lines(log: Path, *, since: int) -> tuple[str, ...]:
    with log.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(since, end - _LAST_BYTES))
        text = file.read().decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(in_words(line)[:_LINE_CHARACTERS] for line in lines[-_LAST_LINES:])
