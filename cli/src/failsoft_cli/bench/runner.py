"""Everything in order: look at the machine, measure each tier, say what came of it."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from failsoft_cli import console
from failsoft_cli.bench.measuring import Effort, measure
from failsoft_cli.bench.record import Measured, bench_record
from failsoft_cli.bench.report import bench_table, notes
from failsoft_cli.bench.service import Kitchen
from failsoft_cli.bench.tiers import Tier, tiers
from failsoft_cli.console import prose
from failsoft_cli.signals import on_stop
from failsoft_kit.clock import SystemClock
from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.hardware.machine import read_machine
from failsoft_local_llm.core.catalogue import Catalogue, Weights
from failsoft_local_llm.core.profile.choice import Choice, Refusal, Wish
from failsoft_local_llm.core.profile.choose import choose
from failsoft_local_llm.core.profile.facts import EngineKind, Machine
from failsoft_local_llm.core.profile.report import as_text
from failsoft_local_llm.core.store.files import NotStored
from failsoft_local_llm.core.store.names import weights_named
from failsoft_local_llm.decision import known_models

MEASURED = 0
NOTHING_MEASURED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the user has asked for.

    Attributes:
        models: Where models are kept.
        catalogue: Models of the user's own; None: there are none.
        vllm: The Python that has vLLM; None: the one that runs this.
        only: Weights or models to measure; empty: all.
        start: Seconds that loading one may take.
        as_json: For programs.
        environ: Handed to the services; not shown, because it may hold keys.
    """

    models: Path
    catalogue: Path | None
    vllm: Path | None
    only: Sequence[str]
    effort: Effort
    start: float
    as_json: bool
    environ: Mapping[str, str] = field(repr=False)


async def bench(wishes: Wishes) -> int:
    """Measure everything that is wished for; the exit code.

    Raises:
        StartupError: The catalogue cannot be used, or has none of what is wanted.
        asyncio.CancelledError: A signal came; nothing is left of what was started.
    """
    this = asyncio.current_task()
    assert this is not None  # noqa: S101 - a coroutine runs in a task
    out, err = console.stdout(), console.stderr()
    catalogue = known_models(wishes.catalogue)
    machine = _machine(wishes, catalogue)
    decision = choose(machine, catalogue, Wish())
    wanted, unmeasured = tiers(machine, catalogue, only=_only(wishes, catalogue))
    with on_stop(lambda: _cancel(this)):
        measured = await _measure_all(wanted, wishes, err)
    if wishes.as_json:
        record = bench_record(machine, decision, measured, unmeasured)
        sys.stdout.write(json.dumps(record, indent=2) + "\n")
    else:
        _tell(out, machine, decision, measured)
        for note in notes(measured, unmeasured):
            prose(out, note)
    return MEASURED if any(figures.speeds for _, figures in measured) else NOTHING_MEASURED


def _machine(wishes: Wishes, catalogue: Catalogue) -> Machine:
    """As it is, with vLLM where the user has said that it is installed elsewhere."""
    machine = read_machine(catalogue, wishes.models.expanduser())
    if wishes.vllm is None:
        return machine
    return replace(machine, engines=machine.engines | {EngineKind.VLLM})


def _only(wishes: Wishes, catalogue: Catalogue) -> Sequence[Weights]:
    """Raises StartupError: nothing has one of the names."""
    try:
        return [each for name in wishes.only for each in weights_named(catalogue, name)]
    except NotStored as error:
        raise StartupError(str(error)) from error


def _cancel(task: "asyncio.Task[object]") -> None:
    task.cancel()


async def _measure_all(wanted: Sequence[Tier], wishes: Wishes, err: Console) -> Measured:
    measured = []
    with tempfile.TemporaryDirectory(prefix="failsoft-bench-") as logs:
        kitchen = _kitchen(wishes, logs=Path(logs))
        for tier in wanted:
            prose(err, f"loading {tier.choice.sentence}")
            figures = await measure(
                tier, kitchen, wishes.effort, clock=SystemClock(), tell=lambda far: prose(err, far)
            )
            measured.append((tier, figures))
    return measured


def _kitchen(wishes: Wishes, *, logs: Path) -> Kitchen:
    vllm = sys.executable if wishes.vllm is None else str(wishes.vllm.absolute())
    return Kitchen(
        environ=wishes.environ,
        models=wishes.models,
        catalogue=wishes.catalogue,
        logs=logs,
        pythons={EngineKind.OPENVINO: sys.executable, EngineKind.VLLM: vllm},
        start=wishes.start,
    )


def _tell(out: Console, machine: Machine, decision: Choice | Refusal, measured: Measured) -> None:
    """What explain-profile says, and the table."""
    prose(out, as_text(machine, decision))
    if measured:
        out.print(bench_table(measured), crop=False)
