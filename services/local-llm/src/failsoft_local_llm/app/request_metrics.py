"""What is measured of requests, in OpenTelemetry's words for model servers."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from failsoft_kit.clock import Clock
from failsoft_kit.rpc.names import ERROR_TYPE
from failsoft_kit.telemetry import Counter, Meter, current_context
from failsoft_local_llm import telemetry
from failsoft_local_llm.core.errors import (
    ContextLengthExceeded,
    EngineUnavailable,
    ModelNotFound,
    Unsupported,
)
from failsoft_local_llm.ports import Candidate, Chunk
from failsoft_model.errors import FailsoftError, InvalidRequest, Overloaded

_CANCELLED = "cancelled"
_REASONS = (
    FailsoftError,
    InvalidRequest,
    ContextLengthExceeded,
    Unsupported,
    ModelNotFound,
    Overloaded,
    EngineUnavailable,
)
"""All that `Answers` raises; whatever else is the first, to the caller too."""


class Measured:
    """One request, from its arrival to its end."""

    def __init__(self, metrics: "RequestMetrics", *, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._written: Counter | None = None
        self.came_at = clock.now()
        self.first_at: float | None = None
        """When its first token came."""
        self.output_tokens = 0
        self.engine = ""
        self.model = ""
        self.whole = False
        """Whether its answer is complete."""

    def asked(self, *, engine: str, model: str, prompt_tokens: int) -> None:
        """The engine is asked from now on."""
        self.engine, self.model = engine, model
        self._metrics.tokens.cell(telemetry.INPUT, model).add(prompt_tokens)
        self._written = self._metrics.tokens.cell(telemetry.OUTPUT, model)

    def count(self, chunk: Chunk) -> None:
        """The engine has said that; may hold no tokens."""
        if self._written is None:
            raise AssertionError("an engine that was not asked says nothing")
        if self.first_at is None and chunk.tokens:
            self.first_at = self._clock.now()
        if chunk.cached_tokens:
            self._metrics.cached.cell(self.model).add(chunk.cached_tokens)
        self.output_tokens += chunk.tokens
        self._written.add(chunk.tokens)


class RequestMetrics:
    """Measures all requests.

    Args:
        candidates: Whose names may be told.
    """

    def __init__(self, meter: Meter, *, clock: Clock, candidates: Sequence[Candidate]) -> None:
        models = [name for each in candidates for name in (each.name, *each.adapters)]
        model = {telemetry.RESPONSE_MODEL: models}
        served = {**model, telemetry.PROVIDER: [each.engine for each in candidates]}
        ends = {ERROR_TYPE.name: [_CANCELLED, *(each.reason for each in _REASONS)]}
        self._clock = clock
        self._durations = meter.histogram(telemetry.REQUEST_DURATION, {**served, **ends})
        self._first_tokens = meter.histogram(telemetry.TIME_TO_FIRST_TOKEN, served)
        self._later_tokens = meter.histogram(telemetry.TIME_PER_OUTPUT_TOKEN, served)
        self.tokens = meter.counter(telemetry.TOKENS, model)
        self.cached = meter.counter(telemetry.TOKENS_CACHED, model)

    @contextmanager
    def request(self) -> Iterator[Measured]:
        """One request; its end is measured when the block is left, however."""
        measured = Measured(self, clock=self._clock)
        error_type = ""
        try:
            yield measured
        except BaseException as error:
            error_type = _error_type(error)
            raise
        finally:
            self._end(measured, "" if measured.whole else error_type)

    def _end(self, measured: Measured, error_type: str) -> None:
        now, context = self._clock.now(), current_context()
        served = (telemetry.CHAT, measured.engine, measured.model)
        self._durations.cell(*served, error_type).observe(now - measured.came_at, context)
        if not measured.whole or measured.first_at is None:
            return
        first = measured.first_at - measured.came_at
        self._first_tokens.cell(*served).observe(first, context)
        if measured.output_tokens > 1:
            each = (now - measured.first_at) / (measured.output_tokens - 1)
            self._later_tokens.cell(*served).observe(each, context)


def _error_type(error: BaseException) -> str:
    """The reason that the caller gets; one that has gone gets none."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return _CANCELLED
    return error.reason if isinstance(error, FailsoftError) else FailsoftError.reason
