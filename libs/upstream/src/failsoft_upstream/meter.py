"""What a look-alike has been asked, counted."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Meter:
    """Counts calls, their ends and their tokens. For one event loop.

    Attributes:
        calls: Requests received.
        by_path: The same by path; by_model and by_fault: of those that were
            understood, by the model asked for and by the kind of fault played.
        completed: Replies played to their end, failures on command included.
        cancelled: Requests whose connection ended before that: the client left, or
            the target was told to refuse connections.
        in_flight: Requests being answered now.
        max_in_flight: The most there ever were at once.
        tokens_in: Tokens of the questions that were understood.
        tokens_out: Tokens of text that were written, also of unfinished answers.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        self._waiting: list[asyncio.Future[None]] = []
        self.reset()

    def reset(self) -> None:
        """Start from zero; what is in flight stays so."""
        self.calls = 0
        self.by_path: Counter[str] = Counter()
        self.by_model: Counter[str] = Counter()
        self.by_fault: Counter[str] = Counter()
        self.completed = 0
        self.cancelled = 0
        self.max_in_flight = self.in_flight
        self.tokens_in = 0
        self.tokens_out = 0

    @contextmanager
    def call(self, path: str) -> Iterator[None]:
        """Count one request for as long as it is in flight, and how it ended."""
        self.calls += 1
        self.by_path[path] += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self._changed()
        try:
            yield
        except (asyncio.CancelledError, ConnectionError):
            self.cancelled += 1
            raise
        else:
            self.completed += 1
        finally:
            self.in_flight -= 1
            self._changed()

    def asked(self, *, model: str, fault: str, tokens: int) -> None:
        """Count a question that was understood.

        Args:
            model: The model asked for.
            fault: The kind of fault that answers it.
            tokens: Of the whole question.
        """
        self.by_model[model] += 1
        self.by_fault[fault] += 1
        self.tokens_in += tokens
        self._changed()

    def said(self, tokens: int) -> None:
        """Count tokens of text that were written."""
        self.tokens_out += tokens
        self._changed()

    def counts(self) -> dict[str, object]:
        """All counts, as JSON."""
        return {
            "calls": self.calls,
            "by_path": dict(self.by_path),
            "by_model": dict(self.by_model),
            "by_fault": dict(self.by_fault),
            "completed": self.completed,
            "cancelled": self.cancelled,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
        }

    async def wait_until(self, condition: Callable[["Meter"], bool]) -> None:
        """Return as soon as the counts fulfil `condition`."""
        while not condition(self):
            change = asyncio.get_running_loop().create_future()
            self._waiting.append(change)
            await change

    def _changed(self) -> None:
        for change in self._waiting:
            if not change.done():
                change.set_result(None)
        self._waiting.clear()
