"""How far a preload is: a bar on a terminal, lines elsewhere."""

from typing import TextIO

from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]  # its lazy public names

from failsoft_local_llm.core.profile.units import gib

_STEPS = 20
"""Lines between nothing and everything."""


class Lines:
    """A line each twentieth; what a log keeps."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._total: int | None = None
        self._done = 0
        self._step = 0

    @property
    def so_far(self) -> str:
        """Such as `1.2 GiB of 15.0 GiB`."""
        return _so_far(self._done, self._total)

    def begin(self, total: int | None) -> None:
        self._total, self._done, self._step = total, 0, 0

    def add(self, count: int) -> None:
        self._done += count
        step = self._done * _STEPS // self._total if self._total else 0
        if step > self._step:
            self._step = step
            self.tell(self.so_far)

    def tell(self, line: str) -> None:
        self._out.write(f"{line}\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing stays open."""


class Bar:
    """One bar for all files, with speed and time left."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._total: int | None = None
        self._done = 0
        self._bar: tqdm | None = None

    @property
    def so_far(self) -> str:
        """Such as `1.2 GiB of 15.0 GiB`."""
        return _so_far(self._done, self._total)

    def begin(self, total: int | None) -> None:
        self.close()
        self._total, self._done = total, 0
        self._bar = tqdm(  # type: ignore[no-untyped-call]  # it has no types
            total=total, unit="B", unit_scale=True, unit_divisor=1024, file=self._out
        )

    def add(self, count: int) -> None:
        self._done += count
        if self._bar is not None:
            self._bar.update(count)

    def tell(self, line: str) -> None:
        tqdm.write(line, file=self._out)

    def close(self) -> None:
        """Leaves the bar as it is, and the terminal to others."""
        if self._bar is not None:
            self._bar.close()


def shown_on(out: TextIO) -> Lines | Bar:
    """What suits the place that is written to."""
    return Bar(out) if out.isatty() else Lines(out)


def _so_far(done: int, total: int | None) -> str:
    return gib(done) if total is None else f"{gib(done)} of {gib(total)}"
