"""Targets that are being watched: a live table on a terminal, else a line for each change."""

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.console import prose
from failsoft_cli.render_targets import (
    WIDE,
    breaker_state,
    credential,
    target_facts,
    target_notes,
    targets_table,
)

Snapshots = Iterable[Sequence[pb.Target]]
"""The targets, again whenever they have changed."""

_REFRESHES_A_SECOND = 4


def show_live(snapshots: Snapshots, out: Console, *, now: Callable[[], float]) -> None:
    """Keep a table up to date on a terminal, times that run down included.

    Args:
        now: The clock, in seconds.
    """
    told: tuple[Sequence[pb.Target], float] = ((), now())

    def table() -> RenderableType:
        targets, at = told
        notes = target_notes(targets, ago=now() - at)
        return Group(
            targets_table(targets, wide=out.width >= WIDE), *(Text(note) for note in notes)
        )

    with Live(get_renderable=table, console=out, refresh_per_second=_REFRESHES_A_SECOND):
        for targets in snapshots:
            told = (targets, now())


def tell_changes(snapshots: Snapshots, out: Console, *, time_of_day: Callable[[], str]) -> None:
    """Write a line for each target, and one whenever it is not as it was; counts aside."""
    before: dict[str, str] = {}
    for targets in snapshots:
        for target in targets:
            state = _state(target)
            if before.get(target.name) != state:
                before[target.name] = state
                prose(out, f"{time_of_day()} {_line(target)}")
        for gone in before.keys() - {target.name for target in targets}:
            del before[gone]
            prose(out, f"{time_of_day()} {gone}: the policy does not have it any more")


def _state(target: pb.Target) -> str:
    """What of a target is told; two of the same state need no second line."""
    timeless = pb.Target()
    timeless.CopyFrom(target)
    timeless.breaker.ClearField("due_in")
    for gate in timeless.gates:
        gate.ClearField("due_in")
    for endpoint in timeless.endpoints:
        endpoint.ClearField("due_in")
    return _line(timeless)


def _line(target: pb.Target) -> str:
    facts = [breaker_state(target.breaker), *target_facts(target)]
    if (state := credential(target)) == "missing":
        facts.append(f"its credential is {state}")
    return f"{target.name}: {'; '.join(facts)}"
