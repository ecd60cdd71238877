"""Trying one target: leave from its breaker, the attempt, and what the breaker learns."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.span import Kind, Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.chat import ChatRequest
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import Attempt, ErrorClass
from failsoft_router import telemetry
from failsoft_router.app.attempt import AttemptLimits, Take, run_attempt
from failsoft_router.app.board import Place
from failsoft_router.core.breaker import Permit, Result
from failsoft_router.core.outcome import Lesson, Phase, verdict
from failsoft_router.ports import AttemptFailed, Ending, TargetCall

_READERS_SHARE = 0.1
"""A reader that took more of the total limit than this explains why it passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of a target.

    Attributes:
        first_content: Seconds that the walk can give it to its first content.
        end_at: Moment of the clock at which the caller is gone; infinite without one.
    """

    request: ChatRequest
    attempt_id: str
    tenant: str
    first_content: float
    end_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it: an ending or a failure."""

    attempt: Attempt
    result: Ending | AttemptFailed


class TargetHop:
    """Tries one target for one walk, with a permit of its breaker."""

    def __init__(
        self, place: Place, permit: Permit, *, tracer: Tracer, clock: Clock, draw: float
    ) -> None:
        """
        Args:
            permit: Handed back at the end of the `with` block, however it ends.
            draw: Uniform in [0, 1), for the breaker.
        """
        self._place = place
        self._permit = permit
        self._tracer = tracer
        self._clock = clock
        self._draw = draw
        self._first_content_at: float | None = None
        self._read_for = 0.0
        self._health = Result.NO_EVIDENCE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._place.breaker.record(
            self._permit, self._health, now=self._clock.now(), draw=self._draw
        )

    async def run(self, ask: Ask, *, parent: Span, take: Take) -> Tried:
        """Make one attempt; its pieces go to `take` as they come."""
        began = self._clock.now()
        span = self._start_span(ask, parent)
        result: Ending | AttemptFailed = AttemptFailed(ErrorClass.CANCELLED, "the caller went away")
        try:
            result = await self._attempt(ask, span, began, take)
            self._health = self._lesson(ask, result, began)
        finally:
            attempt = self._describe(ask, result, began)
            _close_span(span, attempt, result)
        return Tried(attempt=attempt, result=result)

    async def _attempt(
        self,
        ask: Ask,
        span: Span,
        began: float,
        take: Take,
    ) -> Ending | AttemptFailed:
        limits = self._place.policy.limits

        async def timed(piece: Delta | StreamReset) -> None:
            came = self._clock.now()
            if self._first_content_at is None:
                self._first_content_at = came
                span.event(telemetry.FIRST_CONTENT)
            await take(piece)
            self._read_for += self._clock.now() - came

        end_at = min(began + limits.total, ask.end_at)
        call = TargetCall(
            request=ask.request,
            attempt_id=ask.attempt_id,
            tenant=ask.tenant,
            span=span.context,
            connect=min(limits.connect, ask.first_content),
            total=end_at - began,
        )
        try:
            return await run_attempt(
                self._place.target,
                call,
                limits=AttemptLimits(
                    first_content_at=began + ask.first_content, stall=limits.stall, end_at=end_at
                ),
                clock=self._clock,
                take=timed,
            )
        except AttemptFailed as failure:
            return failure

    def _lesson(self, ask: Ask, result: Ending | AttemptFailed, began: float) -> Result:
        """What the breaker is told."""
        if isinstance(result, Ending):
            return Result.OK
        self._place.last_error = result.error_class
        if self._was_hurried(ask, result.error_class, began):
            return Result.NO_EVIDENCE
        phase = Phase.WAITING if self._first_content_at is None else Phase.SPEAKING
        blamed = verdict(result.error_class, phase).lesson is Lesson.HEALTH
        return Result.FAILED if blamed else Result.NO_EVIDENCE

    def _was_hurried(self, ask: Ask, error_class: ErrorClass, began: float) -> bool:
        """The limit passed by the caller's haste or by its slow reading, not by the target's."""
        limits = self._place.policy.limits
        match error_class:
            case ErrorClass.TIMEOUT_CONNECT:
                return ask.first_content < limits.connect
            case ErrorClass.TIMEOUT_FIRST_CONTENT:
                return ask.first_content < limits.first_content
            case ErrorClass.TIMEOUT_TOTAL:
                slowly_read = self._read_for > _READERS_SHARE * limits.total
                return slowly_read or ask.end_at < began + limits.total
            case _:
                return False

    def _start_span(self, ask: Ask, parent: Span) -> Span:
        policy = self._place.policy
        return self._tracer.start(
            f"{telemetry.ATTEMPT} {policy.model}",
            kind=Kind.CLIENT,
            parent=parent,
            attributes={
                telemetry.OPERATION: "chat",
                telemetry.PROVIDER: policy.provider.value,
                telemetry.REQUEST_MODEL: policy.model,
                telemetry.STREAMED: True,
                telemetry.ATTEMPT_ID: ask.attempt_id,
            },
        )

    def _describe(self, ask: Ask, result: Ending | AttemptFailed, began: float) -> Attempt:
        failure = result if isinstance(result, AttemptFailed) else None
        first = self._first_content_at
        return Attempt(
            id=ask.attempt_id,
            model=self._place.policy.model,
            error_class=failure.error_class if failure else None,
            http_status=failure.http_status if failure else 0,
            time_to_first_content=None if first is None else first - began,
            latency=self._clock.now() - began,
            usage=result.usage if isinstance(result, Ending) else None,
        )


def _close_span(span: Span, attempt: Attempt, result: Ending | AttemptFailed) -> None:
    if span.recording:
        if attempt.time_to_first_content is not None:
            span.set(telemetry.TIME_TO_FIRST_CHUNK, attempt.time_to_first_content)
        if isinstance(result, Ending):
            span.set(telemetry.RESPONSE_MODEL, result.model)
            span.set(telemetry.FINISH_REASONS, (result.finish_reason.value,))
            if result.usage is not None:
                span.set(telemetry.INPUT_TOKENS, result.usage.input_tokens)
                span.set(telemetry.OUTPUT_TOKENS, result.usage.output_tokens)
        else:
            span.set(telemetry.ERROR_CLASS, result.error_class.value)
            if result.http_status:
                span.set(telemetry.HTTP_STATUS, result.http_status)
            if result.error_class is not ErrorClass.CANCELLED:
                span.fail(result.error_class.value)
    span.end()
