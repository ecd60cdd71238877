"""What was measured, for people."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from failsoft_cli.bench.figures import Figures, Speed
from failsoft_cli.bench.record import Measured
from failsoft_cli.bench.tiers import Tier, Unmeasured
from failsoft_cli.console import harmless
from failsoft_cli.render import table_of
from failsoft_local_llm.core.profile.units import gib

_COLUMNS = (
    *("model", "profile", "loaded in", "memory", "peak"),
    *("at once", "first text", "tokens/s", "CPU a token"),
)
_NOT_KNOWN = "-"


def bench_table(measured: Measured) -> Table:
    """A line for each number of streams of each tier; one without figures for what has none."""
    rows = [row for tier, figures in measured for row in _rows(tier, figures)]
    return table_of(_COLUMNS, rows)


def notes(measured: Measured, unmeasured: Sequence[Unmeasured]) -> Iterator[str]:
    """A sentence for each figure that is missing, and for each model."""
    for tier, figures in measured:
        if figures.trouble:
            yield f"{tier.name}: {harmless(figures.trouble)}"
    for each in unmeasured:
        yield f"{each.name} was not measured: {each.why}"


def _rows(tier: Tier, figures: Figures) -> Iterator[Sequence[str]]:
    about = (tier.name, tier.profile.value, *_start(figures))
    for speed in figures.speeds:
        yield (*about, *_speed(speed))
        about = ("",) * len(about)
    if not figures.speeds:
        yield (*about, *(_NOT_KNOWN,) * (len(_COLUMNS) - len(about)))


def _start(figures: Figures) -> Sequence[str]:
    load = figures.load_seconds
    return (
        _NOT_KNOWN if load is None else f"{load:.1f} s",
        _NOT_KNOWN if figures.ready_bytes is None else gib(figures.ready_bytes),
        _NOT_KNOWN if figures.peak_bytes is None else gib(figures.peak_bytes),
    )


def _speed(speed: Speed) -> Sequence[str]:
    return (
        str(speed.streams),
        f"{speed.first_content:.2f} s",
        f"{speed.tokens_per_second:.1f}",
        f"{speed.cpu_per_token * 1e3:.2f} ms",
    )
