"""Sets the stage, plays the acts, and says whether all of it was as promised."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

from failsoft_cli import console
from failsoft_cli.addresses import Ports, free_ports, on_loopback
from failsoft_cli.admin import connected
from failsoft_cli.console import prose
from failsoft_cli.demo.acts import ACTS, Act, Memory
from failsoft_cli.demo.cloud import CloudControl, cloud_service
from failsoft_cli.demo.stage import Stage, Unexpected
from failsoft_cli.policies import shipped
from failsoft_cli.signals import on_stop
from failsoft_cli.supervisor import stack as stacks
from failsoft_cli.supervisor.data_dir import DataDir
from failsoft_cli.supervisor.report import Report, services_table
from failsoft_cli.supervisor.services import Setup, services
from failsoft_client import FailsoftRpcError
from failsoft_client.aio import Client
from failsoft_kit.clock import SystemClock

SHOWN = 0
NOT_SHOWN = 1
INTERRUPTED = 130

_INTRODUCTION = (
    "Failsoft answers although those that it asks don't. A router, a cache on a real Valkey and a"
    " model on this machine's own processor are starting, each as a process of its own, and beside"
    " them a look-alike of a cloud provider that fails on command. This is their policy:"
)
_ONE_ANSWER_SECONDS = 30.0


async def demo(folder: Path | None, *, fast: bool, environ: Mapping[str, str]) -> int:
    """Play all acts; the exit code.

    Args:
        folder: The data directory; None: one of our own.

    Raises:
        StartupError: Something is in the way before anything has been started.
    """
    out, clock = console.stdout(), SystemClock()
    began = clock.now()
    try:
        with _data(folder) as data, _cancelled_by_signals():
            await _play_all(data, out, fast=fast, environ=environ)
    except Unexpected as unexpected:
        prose(out, f"✗ {unexpected}", style="bold red")
        return NOT_SHOWN
    except asyncio.CancelledError:
        return INTERRUPTED
    took = clock.now() - began
    line = f"All {len(ACTS)} acts were as promised, in {took:.0f} s."
    out.print(Text(f"\n{line}", style="bold green"))
    return SHOWN


async def _play_all(data: DataDir, out: Console, *, fast: bool, environ: Mapping[str, str]) -> None:
    async with _stage(data, out, fast=fast, environ=environ) as stage:
        memory = Memory()
        for number, act in enumerate(ACTS, start=1):
            await stage.pause()
            out.print()
            out.rule(Text(f"Act {number} of {len(ACTS)}: {act.title}", style="bold"), align="left")
            stage.say(act.story)
            await _play(act, stage, memory, number)


async def _play(act: Act, stage: Stage, memory: Memory, number: int) -> None:
    try:
        await act.play(stage, memory)
    except Unexpected as unexpected:
        raise Unexpected(f"act {number} ({act.title}): {unexpected}") from unexpected
    except FailsoftRpcError as error:
        raise Unexpected(f"act {number} ({act.title}): expected an answer, got {error}") from error


@asynccontextmanager
async def _stage(
    data: DataDir, out: Console, *, fast: bool, environ: Mapping[str, str]
) -> AsyncIterator[Stage]:
    """Everything runs while the block does; the audience reads the policy meanwhile.

    Raises:
        Unexpected: A service died before all were ready.
    """
    ports, (port, control_port) = Ports.free(), free_ports(2)
    policy = shipped("demo", ports, cloud=port)
    data.prepare()
    with data.in_use():
        data.write_policy(policy)
        setup = Setup(data=data, policy=data.policy, ports=ports, environ=environ, keys=frozenset())
        cloud = cloud_service(data, port=port, control_port=control_port, environ=environ)
        clock, report = SystemClock(), Report(out)
        tiers = (*services(setup), (cloud,))
        async with stacks.running(tiers, clock=clock, on_change=report.changed) as stack:
            prose(out, _INTRODUCTION)
            out.print(Text(f"\n{policy}", style="cyan"), soft_wrap=True)
            with report.waiting():
                await stack.until_settled()
            if stack.given_up:
                died = ", ".join(each.service.name for each in stack.given_up)
                raise Unexpected(f"expected all services to become ready, but {died} died")
            out.print(services_table(stack.keepers), crop=False)
            with connected(on_loopback(ports.admin), token_file=data.service_token) as admin:
                async with Client(on_loopback(ports.router), timeout=_ONE_ANSWER_SECONDS) as client:
                    yield Stage(
                        out=out,
                        client=client,
                        admin=admin,
                        cloud=CloudControl(control_port),
                        stack=stack,
                        clock=clock,
                        fast=fast,
                    )


@contextmanager
def _data(folder: Path | None) -> Iterator[DataDir]:
    """The data directory. One of our own is removed, unless something was not as promised."""
    if folder is not None:
        yield DataDir(folder)
        return
    own = DataDir(Path(tempfile.mkdtemp(prefix="failsoft-demo-")))
    remove = True
    try:
        yield own
    except Unexpected as unexpected:
        remove = False
        raise Unexpected(f"{unexpected}; the logs are in {own.logs}") from unexpected
    finally:
        if remove:
            shutil.rmtree(own.root)


@contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """Cancel the current task when somebody asks to stop while the block runs."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task can be cancelled")
    with on_stop(lambda: _cancel(task)):
        yield


def _cancel(task: "asyncio.Task[object]") -> None:
    task.cancel()
