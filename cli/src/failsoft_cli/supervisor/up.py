"""`failsoft up` from its checks to the last ended process."""

import asyncio
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from failsoft_cli import console
from failsoft_cli.addresses import Ports, on_loopback, refuse_taken
from failsoft_cli.console import prose
from failsoft_cli.policies import shipped
from failsoft_cli.program import spelling
from failsoft_cli.signals import first_of, on_stop
from failsoft_cli.supervisor import collector
from failsoft_cli.supervisor import stack as stacks
from failsoft_cli.supervisor.data_dir import DEFAULT, DataDir
from failsoft_cli.supervisor.keeper import Condition
from failsoft_cli.supervisor.report import Report, services_table
from failsoft_cli.supervisor.services import LOCAL_LLM, ROUTER, Setup, knows_users, services
from failsoft_cli.supervisor.stack import Stack
from failsoft_kit.clock import SystemClock
from failsoft_router.adapters.credentials import credential
from failsoft_router.adapters.policy_file import load_policy
from failsoft_router.core.policy import Policy

STOPPED = 0
DIED = 1

_SECOND_STACK = (
    "shift all ports and use another folder, such as with --port-offset 100 --data .failsoft-2"
)
_STILL_LOADING = (
    "The router takes questions now; until the model of local-llm is loaded, others answer them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user has asked for.

    Attributes:
        policy: None: the default one.
        otlp: None: as the environment says.
    """

    data: Path
    policy: Path | None
    otlp: str | None
    port_offset: int


async def up(wishes: Wishes, *, environ: Mapping[str, str]) -> int:
    """Run all services until a signal comes or one cannot be kept alive; the exit code.

    Raises:
        StartupError: Nothing has been started, because something is in the way.
    """
    ports, data = Ports.shifted(wishes.port_offset), DataDir(wishes.data)
    if wishes.otlp is not None:
        environ = collector.variables(wishes.otlp, environ)
    refuse_taken(ports, advice=_SECOND_STACK)
    data.prepare()
    with data.in_use():
        if wishes.policy is None:
            data.write_policy(shipped("default", ports))
        file = data.policy if wishes.policy is None else wishes.policy.absolute()
        policy = load_policy(file)
        setup = Setup(
            data=data,
            policy=file,
            ports=ports,
            environ=environ,
            keys=key_variables(policy),
        )
        out = console.stdout()
        hints = [_identity(data, environ), *_hints(policy, environ)]
        spans = await collector.destination(environ)
        hints += [*([spans] if spans else []), *_next_steps(wishes, data, ports)]
        return await _run(setup, out, hints)


def key_variables(policy: Policy) -> frozenset[str]:
    """The variables of the environment that a policy takes keys from."""
    sources = (target.credential for target in policy.targets.values())
    return frozenset(source.env for source in sources if source is not None and source.env)


async def _run(setup: Setup, out: Console, hints: Iterable[str]) -> int:
    clock, stop = SystemClock(), asyncio.Event()
    report = Report(out)
    async with stacks.running(services(setup), clock=clock, on_change=report.changed) as stack:
        with on_stop(lambda: _stop_or_hurry(stop, stack)):
            with report.waiting():
                await first_of(_settled(stack, out), stop.wait())
            if not stop.is_set() and not stack.given_up:
                out.print(services_table(stack.keepers), crop=False)
                for hint in hints:
                    prose(out, hint)
                report.follow()
                await first_of(stack.until_given_up(), stop.wait())
            code = DIED if stack.given_up else STOPPED
            out.print(Text("stopping", style="dim"))
            await stack.stop_all()
    return code


async def _settled(stack: Stack, out: Console) -> None:
    """Until all are ready or one is given up; tells when questions can be asked before that."""
    await stack.until_ready(ROUTER)
    if not stack.given_up and stack.keeper(LOCAL_LLM).condition is Condition.STARTING:
        prose(out, _STILL_LOADING)
    await stack.until_settled()


def _stop_or_hurry(stop: asyncio.Event, stack: Stack) -> None:
    """The first signal stops, every later one hurries."""
    if stop.is_set():
        stack.hurry()
    stop.set()


def _identity(data: DataDir, environ: Mapping[str, str]) -> str:
    """Whether callers have to show who they are."""
    if knows_users(environ):
        return "identity: as the environment says; callers show a key or a token"
    if data.api_keys.exists():
        return f"identity: callers show an API key of {data.api_keys}"
    return (
        "identity: off: everybody on this machine asks as the tenant `default`;"
        f" `{spelling()} keys create --tenant NAME --file {shlex.quote(str(data.api_keys))}`"
        " and a new start turn it on"
    )


def _hints(policy: Policy, environ: Mapping[str, str]) -> Iterable[str]:
    """Which targets lack a key, and where it is looked for."""
    clock = SystemClock()
    for target in policy.targets.values():
        source = target.credential
        if source is None or credential(source, clock=clock, environ=environ).value():
            continue
        places = [f"write it to {source.file}"] if source.file else []
        places += [f"set {source.env} and start again"] if source.env else []
        yield f"{target.name} has no key and is skipped: {', or '.join(places)}"


def _next_steps(wishes: Wishes, data: DataDir, ports: Ports) -> Iterable[str]:
    usual = wishes.port_offset == 0
    where = "" if usual else f" --address {on_loopback(ports.router)}"
    admin = "" if usual else f" --address {on_loopback(ports.admin)}"
    folder = "" if wishes.data == DEFAULT else f" --data {shlex.quote(str(wishes.data))}"
    yield f"OpenAI base URL http://{on_loopback(ports.http)}/v1"
    yield f'ask:  {spelling()} chat{where} "What is the capital of France?"'
    yield f"see:  {spelling()} targets{admin}{folder} --check"
    yield f"why:  {spelling()} explain{admin}{folder} ID, with any id that came with an answer"
    yield f"logs: {data.logs}"
    yield "stop: Ctrl-C"
