"""Tells the user what becomes of the services."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from failsoft_cli.console import prose
from failsoft_cli.render import table_of
from failsoft_cli.supervisor.keeper import Condition, Keeper, Status

_TOLD_WHILE_STARTING = {Condition.READY, Condition.WAITING, Condition.GIVEN_UP}
_STYLES = {
    Condition.READY: "green",
    Condition.NOT_READY: "yellow",
    Condition.WAITING: "red",
    Condition.GIVEN_UP: "bold red",
}


class Report:
    """One line for each change that the user may want to know of."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._told = _TOLD_WHILE_STARTING

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Shows that something is going on while the block runs, on a terminal."""
        with self._out.status("starting; local-llm loads its model, which takes longest"):
            yield

    def follow(self) -> None:
        """From now on tell about everything."""
        self._told = set(Condition)

    def changed(self, keeper: Keeper) -> None:
        """A service is in another condition now."""
        status = keeper.status
        if status.condition not in self._told:
            return
        self._say(keeper, _in_words(status), style=_STYLES.get(status.condition, "dim"))
        for line in status.last_words:
            self._say(keeper, f"  {line}", style="dim")

    def _say(self, keeper: Keeper, words: str, *, style: str) -> None:
        prose(self._out, f"{keeper.service.name:<10} {words}", style=style)


def services_table(keepers: Iterable[Keeper]) -> Table:
    """Every service, where it is and how it is."""
    return table_of(
        ("service", "state", "address"),
        [
            (
                keeper.service.name,
                Text(_in_words(keeper.status), style=_STYLES.get(keeper.condition, "dim")),
                keeper.service.address,
            )
            for keeper in keepers
        ],
    )


def _in_words(status: Status) -> str:
    match status.condition:
        case Condition.WAITING:
            return status.detail
        case Condition.GIVEN_UP:
            return f"given up: {status.detail}"
        case condition:
            return " ".join(part for part in (condition.value, status.detail) if part)
