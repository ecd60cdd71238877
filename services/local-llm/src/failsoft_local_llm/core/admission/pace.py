"""How fast the engine answers, as measured on the last requests; what that says of the next.

Three ratios, each of sums in which older requests count ever less: seconds a token of a prompt,
seconds a token of an answer, and how much of the tokens that were asked for answers really have.
An expectation is a mean: of one answer it may be wrong by far, of a queue of them by little.
Until enough was measured there is none, and nobody is refused for it.
"""

from dataclasses import dataclass

from failsoft_local_llm.core.admission.ticket import Work

ENOUGH = 8
"""Requests that make a mean worth believing."""
_KEPT = 0.95
"""Share of its weight that a measurement keeps with each later one: about the last 20 count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one request has taken of the engine, whether it came to its end or not."""

    reading: float | None
    """Seconds until its first token; None: something else was done in them, too."""
    writing: float
    """Seconds in which tokens behind the first ones came."""
    written: int
    """Tokens that came in them."""
    output: int
    """All tokens that were generated; at least 1."""


class Pace:
    """Learns from requests that have left the engine."""

    def __init__(self) -> None:
        self._reading = _Ratio()
        self._writing = _Ratio()
        self._length = _Ratio()
        self._measured = 0

    def learn(self, work: Work, used: Used) -> None:
        """A request of that work has taken this."""
        if used.reading is not None:
            self._reading.add(used.reading, max(1, work.prompt))
        self._length.add(used.output, max(1, work.output))
        if used.written:
            self._writing.add(used.writing, used.written)
        self._measured += 1

    def seconds(self, work: Work) -> float | None:
        """How long the engine is expected to be at it, once begun; None: not known yet."""
        if self._measured < ENOUGH:
            return None
        written = work.output * self._length.value
        return work.prompt * self._reading.value + written * self._writing.value


class _Ratio:
    """One sum over another, both forgetting."""

    def __init__(self) -> None:
        self._above = 0.0
        self._below = 0.0

    def add(self, above: float, below: float) -> None:
        self._above = self._above * _KEPT + above
        self._below = self._below * _KEPT + below

    @property
    def value(self) -> float:
        """0.0 before anything was added."""
        return self._above / self._below if self._below else 0.0
