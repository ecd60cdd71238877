"""Measures what the engine takes for one request, and not what its caller does.

A caller may take long to read what it was sent. The engine does not wait for that: what it has
said meanwhile comes as one. So the time between two chunks is the engine's, whoever was waited
for, but not before the last one: it may have been there for long when it was asked for.
"""

from failsoft_local_llm.core.admission.pace import Used


class Watch:
    """Of one request, from when the engine is asked. All times are seconds on one clock."""

    def __init__(self, *, compiles: bool, now: float) -> None:
        """
        Args:
            compiles: A form has to be compiled before the prompt is read.
        """
        self._compiles = compiles
        self._asked_at = self._heard_at = self._wanted_at = now
        self._reading: float | None = None
        self._writing = 0.0
        self._written = 0
        self._output = 0

    def heard(self, tokens: int, *, last: bool, now: float) -> None:
        """The engine has said the next thing; may hold no tokens."""
        away, awaited = self._wanted_at - self._heard_at, now - self._wanted_at
        if self._reading is not None and not (last and away > awaited):
            self._writing += away + awaited
            self._written += tokens
        if self._reading is None and tokens:
            self._reading = now - self._asked_at
        self._output += tokens
        self._heard_at = self._wanted_at = now

    def wanted(self, *, now: float) -> None:
        """The caller has taken it, and the next is waited for."""
        self._wanted_at = now

    @property
    def used(self) -> Used | None:
        """What was taken of the engine until the last thing it said; None: it gave nothing."""
        if self._reading is None:
            return None
        return Used(
            reading=None if self._compiles else self._reading,
            writing=self._writing,
            written=self._written,
            output=self._output,
        )
