"""local-llm as a child process on loopback, with the settings of one tier and no others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from failsoft_cli.addresses import free_ports, on_loopback
from failsoft_cli.bench.tiers import Tier
from failsoft_cli.supervisor.process import Death, Process, Program, running
from failsoft_client import FailsoftRpcError
from failsoft_client.aio import Client
from failsoft_kit.settings.types import format_duration
from failsoft_local_llm.core.profile.facts import EngineKind

_PREFIX = "FAILSOFT_LOCAL_LLM_"
_FOREIGN = (_PREFIX, "OTEL_")
"""Variables that would have it measured as it is configured for something else."""
_LOOK_SECONDS = 0.1
_CALL_SECONDS = 5.0
_END_SECONDS = 10.0


class NotServing(Exception):
    """The model does not answer; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kitchen:
    """What every tier is run with.

    Attributes:
        environ: Handed to the service, less what would change how it runs; not shown, because it
            may hold keys.
        models: Where models are kept.
        catalogue: Models of the user's own; None: there are none.
        logs: A folder for the services' logs.
        pythons: The interpreter that has the engine.
        start: Seconds that loading may take.
    """

    environ: Mapping[str, str] = field(repr=False)
    models: Path
    catalogue: Path | None
    logs: Path
    pythons: Mapping[EngineKind, str]
    start: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service that runs."""

    process: Process
    address: str


@contextlib.asynccontextmanager
async def running_service(tier: Tier, kitchen: Kitchen) -> AsyncIterator[Service]:
    """The service while the block runs; it and its engine are gone after it.

    Raises:
        OSError: It cannot be started.
    """
    (port,) = free_ports(1)
    address = on_loopback(port)
    async with running(_program(tier, kitchen, address)) as process:
        try:
            yield Service(process=process, address=address)
        finally:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()


async def wait_until_serving(service: Service, *, within: float) -> str:
    """How it says that it runs the model, when it has answered a first question.

    Raises:
        NotServing: It has ended, cannot load the model, or takes longer than so many seconds.
    """
    async with asyncio.TaskGroup() as tasks:
        death = tasks.create_task(service.process.wait())
        try:
            async with asyncio.timeout(within), Client(service.address) as client:
                while not death.done():
                    if (why := await _serves(client)) is not None:
                        return why
                    await asyncio.wait({death}, timeout=_LOOK_SECONDS)
            why = _last_words(death.result())
        except TimeoutError:
            why = f"it was not ready within {format_duration(within)}"
        except NotServing as refusal:
            why = str(refusal)
        finally:
            death.cancel()
    raise NotServing(why)


async def _serves(client: Client) -> str | None:
    """How it runs the model; None: it is still loading.

    Raises:
        NotServing: It says that it cannot.
    """
    try:
        (model, *_) = await client.list_models(timeout=_CALL_SECONDS)
    except FailsoftRpcError:
        return None  # it does not listen yet; whether it has died is seen elsewhere
    status = model.status
    if not status.serving and not status.loading:
        raise NotServing(status.why)
    return status.why if status.serving else None


def _last_words(death: Death) -> str:
    said = "; ".join(death.last_words[-1:])
    return f"the service {death}: {said}" if said else f"the service {death}"


def _program(tier: Tier, kitchen: Kitchen, address: str) -> Program:
    settings = {
        "ADDRESS": address,
        "PROFILE": tier.profile.value,
        "MODELS_DIRECTORY": str(kitchen.models),
        "FALLBACK": "false",
        "START": format_duration(kitchen.start),
        "DRAIN": "1s",
    }
    if tier.named:
        settings["WANTED_MODEL"] = tier.name
    if kitchen.catalogue is not None:
        settings["CATALOGUE_FILE"] = str(kitchen.catalogue)
    environ = {
        name: value for name, value in kitchen.environ.items() if not name.startswith(_FOREIGN)
    }
    return Program(
        arguments=(kitchen.pythons[tier.choice.engine], "-P", "-m", "failsoft_local_llm"),
        environ={**environ, **{f"{_PREFIX}{name}": value for name, value in settings.items()}},
        log=kitchen.logs / f"{tier.name}.log",
    )
