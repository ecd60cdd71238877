"""A child process: its log, its last words, its end."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from failsoft_cli.addresses import LOOPBACK, free_ports
from failsoft_cli.supervisor.keeper import Condition, Keeper, Service
from failsoft_cli.supervisor.process import Program, running
from failsoft_cli.supervisor.readiness import accepts_connections
from failsoft_kit.clock import SystemClock

pytestmark = pytest.mark.integration

IGNORES_SIGTERM = (
    "import signal, socket; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " listener = socket.create_server(('127.0.0.1', {port})); signal.pause()"
)
PARENT = """
import asyncio, os, sys
from pathlib import Path
from failsoft_cli.supervisor.process import Program, running

async def main():
    program = Program(arguments=(sys.executable, "-c", "import signal; signal.pause()"),
                      environ={}, log=Path(sys.argv[1]))
    async with running(program) as child:
        print(child.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "child.log"


def python(code: str, log: Path) -> Program:
    return Program(arguments=(sys.executable, "-c", code), environ=dict(os.environ), log=log)


def service(program: Program, *, port: int = 1) -> Service:
    """A service that is ready when it listens, and has no time to end."""
    probe = accepts_connections(LOOPBACK, port)
    return Service(name="child", address="", program=program, probe=probe, grace=0.0)


async def test_last_words_are_of_this_life_only(log: Path) -> None:
    async with running(python("print('said in an earlier life')", log)) as child:
        await child.wait()
    async with running(python("print('so'); print('long'); exit(3)", log)) as child:
        death = await child.wait()

    assert death.code == 3
    assert death.last_words == ("so", "long")
    assert str(death) == "ended with exit code 3"


async def test_a_child_that_was_killed_is_said_to_be(log: Path) -> None:
    async with running(python("import signal; signal.pause()", log)) as child:
        child.kill()
        death = await child.wait()

    assert str(death) == "was killed by SIGKILL"


async def test_no_child_outlives_its_block(log: Path) -> None:
    async with running(python("import signal; signal.pause()", log)) as child:
        pid = child.pid

    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's")
async def test_a_child_ends_when_its_parent_is_killed(log: Path) -> None:
    """Whoever kills the supervisor should not be left with a model in memory."""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(log)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))

    parent.kill()
    await parent.wait()

    _, alive = await asyncio.to_thread(psutil.wait_procs, [child], 10)
    assert not alive


async def test_a_service_that_ignores_the_signal_is_killed_after_its_grace(log: Path) -> None:
    (port,) = free_ports(1)
    told = []

    def stop_when_ready(keeper: Keeper) -> None:
        told.append(keeper.condition)
        if keeper.condition is Condition.READY:
            keeper.stop()

    program = python(IGNORES_SIGTERM.format(port=port), log)
    keeper = Keeper(service(program, port=port), clock=SystemClock(), on_change=stop_when_ready)
    await keeper.keep()

    assert told == [Condition.READY, Condition.STOPPING, Condition.STOPPED]
    assert keeper.pid is None


async def test_a_service_that_dies_before_it_is_ready_is_given_up(log: Path) -> None:
    program = python("print('the model is missing'); exit(1)", log)
    keeper = Keeper(service(program), clock=SystemClock(), on_change=lambda _: None)

    await keeper.keep()

    assert keeper.condition is Condition.GIVEN_UP
    assert keeper.status.detail == "ended with exit code 1"
    assert keeper.status.last_words == ("the model is missing",)


async def test_a_program_that_is_missing_is_given_up_and_named(log: Path) -> None:
    program = Program(arguments=("/nowhere/program",), environ={}, log=log)
    keeper = Keeper(service(program), clock=SystemClock(), on_change=lambda _: None)

    await keeper.keep()

    assert keeper.condition is Condition.GIVEN_UP
    assert keeper.status.last_words == (
        "/nowhere/program cannot be executed: No such file or directory",
    )


async def test_ctrl_c_in_the_terminal_does_not_reach_a_child(log: Path) -> None:
    """The supervisor ends the services in good order instead."""
    async with running(python("import signal; signal.pause()", log)) as child:
        assert os.getsid(child.pid) != os.getsid(0)
        child.terminate()
        death = await child.wait()

    assert death.code == -signal.SIGTERM
