"""`failsoft up` as a process of its own, as a user starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest

from failsoft_cli.addresses import LARGEST_OFFSET, Ports, on_loopback, refuse_taken
from failsoft_kit.startup import StartupError

COMMAND = (sys.executable, "-m", "failsoft_cli")
ALL_ARE_READY = "stop: Ctrl-C"
END_SECONDS = 20


class Up:
    """A running `failsoft up`."""

    def __init__(
        self, data: Path, *options: str, policy: Callable[[Ports], str] | None = None
    ) -> None:
        """
        Args:
            policy: Writes one for these ports; None: as the options say.
        """
        self.data = data
        self.offset = _free_offset()
        self.ports = Ports.shifted(self.offset)
        if policy is not None:
            file = data / "given.yaml"
            file.write_text(policy(self.ports))
            options = ("--policy", str(file), *options)
        self.process = subprocess.Popen(
            [*COMMAND, "up", "--data", str(data), "--port-offset", str(self.offset), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environ(),
        )
        self.seen: list[str] = []
        """The lines that came so far."""

    def wait_for(self, *words: str) -> str:
        """The next line that holds all the words; an end before it is a failure."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen.append(line)
            if all(word in line for word in words):
                return line
        raise AssertionError(f"{words} never came:\n{''.join(self.seen)}")

    def child(self, name: str) -> psutil.Process:
        """The process with this in its command line."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if name in " ".join(child.cmdline()):
                return child
        raise AssertionError(f"no process of {name}")

    def all_processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def ask(self, question: str, *options: str) -> subprocess.CompletedProcess[str]:
        return failsoft("chat", "--address", on_loopback(self.ports.router), *options, question)

    def targets(self) -> str:
        """What `failsoft targets` says."""
        address = on_loopback(self.ports.admin)
        return failsoft("targets", "--address", address, "--data", str(self.data)).stdout

    def errors(self) -> str:
        """What came on stderr of a process that has ended by itself."""
        assert self.process.stderr is not None
        return self.process.stderr.read()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=END_SECONDS)
        self.seen += out.splitlines(keepends=True)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


Failsoft = Callable[..., subprocess.CompletedProcess[str]]
StartUp = Callable[..., AbstractContextManager[Up]]


def failsoft(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with these arguments, to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env=_environ()
    )


@pytest.fixture(scope="session", name="failsoft")
def failsoft_fixture() -> Failsoft:
    return failsoft


@pytest.fixture(scope="session")
def start_up() -> StartUp:
    """Starts `failsoft up` on free ports, and ends it with the block."""

    @contextmanager
    def start(
        data: Path, *options: str, policy: Callable[[Ports], str] | None = None
    ) -> Iterator[Up]:
        with Up(data, *options, policy=policy) as up:
            yield up

    return start


@pytest.fixture(scope="module")
def up(start_up: StartUp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One that is ready, shared by a module's tests; each leaves it as it was."""
    with start_up(tmp_path_factory.mktemp("up")) as up:
        up.wait_for(ALL_ARE_READY)
        yield up


def _environ() -> dict[str, str]:
    """Without the keys of whoever runs the tests."""
    keys = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"}
    return {name: value for name, value in os.environ.items() if name not in keys}


def _free_offset() -> int:
    start = os.getpid() % LARGEST_OFFSET
    for step in range(LARGEST_OFFSET):
        offset = (start + 7 * step) % LARGEST_OFFSET
        try:
            refuse_taken(Ports.shifted(offset), advice="")
        except StartupError:
            continue
        return offset
    raise AssertionError("all ports are in use")
