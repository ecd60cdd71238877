"""Tells the user what becomes of the services."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

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
        self._out.print(Text(f"{keeper.service.name:<10} {words}", style=style), soft_wrap=True)


def services_table(keepers: Iterable[Keeper]) -> Table:
    """Every service, where it is and how it is."""
    table = table_of("service", "address", "state")
    for keeper in keepers:
        state = Text(_in_words(keeper.status), style=_STYLES.get(keeper.condition, "dim"))
        table.add_row(Text(keeper.service.name), Text(keeper.service.address), state)
    return table


def _in_words(status: Status) -> str:
    return " ".join(part for part in (status.condition.value, status.detail) if part)
