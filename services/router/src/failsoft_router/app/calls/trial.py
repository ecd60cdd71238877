"""One attempt at a target under a permit of its breaker, and what the gates learn from it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.span import Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.chat import ChatRequest
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import Attempt, ErrorClass
from failsoft_router import span_names
from failsoft_router.app.calls import call_span
from failsoft_router.app.calls.attempt import AttemptLimits, NobodyListens, Take, run_attempt
from failsoft_router.app.calls.transitions import NotingTransitions
from failsoft_router.app.targets.place import Place
from failsoft_router.app.telling import chronicle
from failsoft_router.app.telling.metrics import Metrics
from failsoft_router.core.breaker import Permit, Result
from failsoft_router.core.egress import Blame, settles_at
from failsoft_router.core.history import is_slow
from failsoft_router.core.outcome import Lesson, Phase, verdict
from failsoft_router.core.splice import Splice
from failsoft_router.ports import AttemptFailed, Ending, TargetCall

_READERS_SHARE = 0.1
"""A reader that took more of the total limit than this explains why it passed."""

_READERS_PAUSE = 5.0
"""Seconds; a reader that took longer than this for one piece explains why a target fell
silent or broke off afterwards: providers give up on a connection that nobody reads."""

JUDGED_AFTER = 5.0
"""Seconds after its first content at which a probe is judged, if it goes on for so long."""

_SILENCE = (ErrorClass.TIMEOUT_CONNECT, ErrorClass.TIMEOUT_FIRST_CONTENT)

_OUT_OF_TIME = {
    ErrorClass.TIMEOUT_CONNECT: "no connection in the time that the walk had for it",
    ErrorClass.TIMEOUT_FIRST_CONTENT: "no content in the time that the walk had for it",
    ErrorClass.TIMEOUT_TOTAL: "the answer took longer than its caller waits",
}


class OutOfTime(AttemptFailed):
    """The walk's own time for it was over, which was shorter than the target's limit."""

    def __init__(self, error_class: ErrorClass, *, sent: bool = True) -> None:
        super().__init__(error_class, _OUT_OF_TIME[error_class], sent=sent)


class StartedOver(AttemptFailed):
    """The target is a router, and voids what it has said where that may not be."""

    def __init__(self, reason: ErrorClass) -> None:
        super().__init__(reason, "the answer started over, and the route restarts none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of a target.

    Attributes:
        first_content: Seconds that the walk gives it to its first content; at most its own
            limit, and a target that is given less is not to blame.
        end_at: Moment of the clock at which the caller is gone; infinite without one.
        in_gulps: The caller waits for the whole answer only.
        may_restart: Some of the answer may be voided and said again.
        splice: Puts what it says behind what was said; None: it is asked for an answer.
        but: Endpoints of the target that had no room for the request.
        walk_began: Moment of the clock.
        retry_of: The span of the attempt in the same hop that was before; None: it is the first.
    """

    request: ChatRequest
    attempt_id: str
    tenant: str
    first_content: float
    end_at: float
    in_gulps: bool
    may_restart: bool
    walk_began: float
    splice: Splice | None = None
    but: frozenset[str] = frozenset()
    retry_of: SpanContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it: an ending or a failure, and how far it had come."""

    attempt: Attempt
    result: Ending | AttemptFailed
    phase: Phase


class Trial:
    """One attempt; `run` it once, and the permit is handed back however it ends."""

    def __init__(
        self,
        place: Place,
        permit: Permit,
        ask: Ask,
        *,
        hop: Span,
        tracer: Tracer,
        metrics: Metrics,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        """
        Args:
            hop: The span of the hop that it is made in.
        """
        self._place = place
        self._permit = permit
        self._ask = ask
        self._hop = hop
        self._tracer = tracer
        self._metrics = metrics
        self._clock = clock
        self._draw = draw
        self._fingerprint = place.fingerprint
        self._began = clock.now()
        self._first_content_at: float | None = None
        self._early: asyncio.TimerHandle | None = None
        self._ran = False
        self.context: SpanContext | None = None
        """Of its span; None: it has not begun."""
        self._has_shown_enough = False
        self._given_up: AttemptFailed | None = None
        self._failed_by: ErrorClass | None = None
        self._read_for = 0.0
        self._longest_read = 0.0

    @property
    def first_content_at(self) -> float | None:
        """Moment of the clock at which content came; None: none has."""
        return self._first_content_at

    @property
    def splice(self) -> Splice | None:
        """See `Ask`."""
        return self._ask.splice

    @property
    def spoke(self) -> bool:
        """Content has come."""
        return self._first_content_at is not None

    async def run(self, *, take: Take) -> Tried:
        """Make the attempt; its pieces go to `take` as they come."""
        self._ran = True
        span = self._start_span()
        self.context = span.context
        health = Result.NO_EVIDENCE
        result: Ending | AttemptFailed = AttemptFailed(ErrorClass.CANCELLED, "the caller went away")
        try:
            result = await self._attempt(span, take)
            health = self._lesson(result)
        except NobodyListens:
            health = Result.OK
        except asyncio.CancelledError:
            health = Result.OK if self._has_shown_enough else Result.NO_EVIDENCE
            result = self._given_up or result
            raise
        finally:
            self._settle(health, result)
            tried = self.tried(result)
            self._metrics.call_ended(
                self._place.policy, tried.attempt, tenant=self._ask.tenant, context=span.context
            )
            call_span.end(span, tried.attempt, result)
        return tried

    def is_not_wanted(self) -> None:
        """Somebody else has answered; that it spoke is what its call was good for.

        Whoever says so cancels `run`.
        """
        self._has_shown_enough = self.spoke

    def is_given_up(self, why: AttemptFailed) -> None:
        """If `run` is cancelled from now on, this is why: its caller has not gone away."""
        self._given_up = why

    def give_back_unused(self) -> None:
        """Hand the permit back if `run` never began: its task was cancelled before."""
        if not self._ran:
            self._ran = True
            self._hand_back(Result.NO_EVIDENCE)

    def tried(self, result: Ending | AttemptFailed) -> Tried:
        """What came of the attempt, if this is how it ended."""
        return Tried(attempt=self._describe(result), result=result, phase=self._phase(result))

    async def _attempt(self, span: Span, take: Take) -> Ending | AttemptFailed:
        ask, limits = self._ask, self._place.policy.limits

        async def timed(piece: Delta | StreamReset) -> None:
            if isinstance(piece, StreamReset):
                if self.spoke and not ask.may_restart:
                    raise StartedOver(piece.reason)
            elif not self.spoke:
                self._speaks(span)
            came = self._clock.now()
            await take(piece)
            read_for = self._clock.now() - came
            self._read_for += read_for
            self._longest_read = max(self._longest_read, read_for)

        end_at = min(self._began + limits.total, ask.end_at)
        call = TargetCall(
            request=ask.request,
            attempt_id=ask.attempt_id,
            tenant=ask.tenant,
            span=span.context,
            connect=min(limits.connect, ask.first_content),
            total=end_at - self._began,
            in_gulps=ask.in_gulps,
            goes_to=partial(call_span.goes_to, span),
            but=ask.but,
        )
        try:
            return await run_attempt(
                self._place.target,
                call,
                limits=AttemptLimits(
                    first_content_at=self._began + ask.first_content,
                    stall=limits.stall,
                    end_at=end_at,
                ),
                clock=self._clock,
                take=timed,
            )
        except AttemptFailed as failure:
            walks_own = self._ran_out(failure.error_class)
            return OutOfTime(failure.error_class, sent=failure.sent) if walks_own else failure

    def _speaks(self, span: Span) -> None:
        now = self._first_content_at = self._clock.now()
        self._place.history.add(now - self._began)
        self._place.doubt.spoke()
        self._connected(now)
        span.event(span_names.FIRST_CONTENT)
        if self._permit.probe:
            loop = asyncio.get_running_loop()
            self._early = loop.call_later(JUDGED_AFTER, self._judge_early)

    def _judge_early(self) -> None:
        health = self._place.gates.health
        with self._noting_transitions():
            self._permit = health.record_early(self._permit, now=self._clock.now())

    def _noting_transitions(self) -> NotingTransitions:
        return NotingTransitions(self._place, hop=self._hop, tracer=self._tracer)

    def _lesson(self, result: Ending | AttemptFailed) -> Result:
        """Tell the gates, and say what the breaker is told."""
        if isinstance(result, Ending):
            return Result.OK
        if isinstance(result, StartedOver):
            return Result.NO_EVIDENCE
        self._tell_egress(result)
        if result.error_class in _SILENCE:
            self._place.doubt.went_on()
        if self._was_hurried(result.error_class):
            return Result.NO_EVIDENCE
        lesson = verdict(result.error_class, self._phase(result)).lesson
        shut = self._place.gates.learn(
            lesson,
            result.error_class,
            hint=result.retry_after,
            fingerprint=self._fingerprint,
            now=self._clock.now(),
        )
        if shut is not None:
            chronicle.gate_shut(self._place.policy.name, shut, context=self._hop.context)
        if lesson is not Lesson.HEALTH:
            return Result.NO_EVIDENCE
        self._failed_by = result.error_class
        return Result.FAILED

    def _tell_egress(self, failure: AttemptFailed) -> None:
        """Whether the target was connected to; silence says so once connecting had its time.

        What its dialect has no words for was not even tried, and says nothing of the network.
        """
        place, now = self._place, self._clock.now()
        if not failure.sent and failure.error_class is ErrorClass.UNSUPPORTED:
            return
        if not failure.sent:
            if place.egress.connect_failed(place.host, now):
                chronicle.egress_changed(is_down=True)
        elif (
            failure.error_class not in _OUT_OF_TIME
            or now - self._began > place.policy.limits.connect
        ):
            self._connected(now)

    def _connected(self, now: float) -> None:
        if self._place.egress.connected(self._place.host, now):
            chronicle.egress_changed(is_down=False)

    def _was_hurried(self, error_class: ErrorClass) -> bool:
        """The caller's haste or slow reading explains the failure, and not the target."""
        return self._was_read_slowly(error_class) or self._ran_out(error_class)

    def _was_read_slowly(self, error_class: ErrorClass) -> bool:
        match error_class:
            case ErrorClass.TIMEOUT_TOTAL:
                return self._read_for > _READERS_SHARE * self._place.policy.limits.total
            case ErrorClass.STALL | ErrorClass.TRUNCATED:
                return self._longest_read > _READERS_PAUSE
            case _:
                return False

    def _ran_out(self, error_class: ErrorClass) -> bool:
        """The limit that passed was the walk's, which was shorter than the target's own."""
        ask, limits = self._ask, self._place.policy.limits
        match error_class:
            case ErrorClass.TIMEOUT_CONNECT:
                return ask.first_content < limits.connect
            case ErrorClass.TIMEOUT_FIRST_CONTENT:
                return ask.first_content < limits.first_content
            case ErrorClass.TIMEOUT_TOTAL:
                return ask.end_at < self._began + limits.total
            case _:
                return False

    def _phase(self, result: Ending | AttemptFailed) -> Phase:
        if self.spoke:
            return Phase.SPEAKING
        if isinstance(result, AttemptFailed) and not result.sent:
            return Phase.CONNECTING
        return Phase.WAITING

    def _settle(self, health: Result, result: Ending | AttemptFailed) -> None:
        """Hand the permit back, as soon as it is known whose fault a failure was."""
        if self._early is not None:
            self._early.cancel()
        unsent = isinstance(result, AttemptFailed) and not result.sent
        if health is not Result.FAILED or not unsent:
            self._hand_back(health)
            return
        self._settle_with_egress()

    def _settle_with_egress(self) -> None:
        """Blame the target for a connection that failed, unless nobody could be reached."""
        now, place = self._clock.now(), self._place
        if not place.egress.when_known(place.host, now, now=now, told=self._is_blamed):
            known_at = settles_at(now)
            asyncio.get_running_loop().call_later(known_at - now, place.egress.settle, known_at)

    def _is_blamed(self, blame: Blame) -> None:
        own = blame is Blame.OWN_EGRESS
        self._hand_back(Result.NO_EVIDENCE if own else Result.FAILED)

    def _hand_back(self, health: Result) -> None:
        self._metrics.permit_returned(self._place.policy, self._permit, health)
        first, limit = self._first_content_at, self._place.policy.limits.first_content
        with self._noting_transitions():
            self._place.gates.health.record(
                self._permit,
                health,
                now=self._clock.now(),
                draw=self._draw(),
                error_class=self._failed_by,
                slow=first is not None and is_slow(first - self._began, policy_limit=limit),
            )

    def _start_span(self) -> Span:
        ask = self._ask
        return call_span.begin(
            self._tracer,
            self._hop,
            self._place.call_attributes,
            attempt_id=ask.attempt_id,
            sampling=ask.request.sampling,
            is_probe=self._permit.probe,
            retry_of=ask.retry_of,
        )

    def _describe(self, result: Ending | AttemptFailed) -> Attempt:
        failure = result if isinstance(result, AttemptFailed) else None
        first = self._first_content_at
        return Attempt(
            id=self._ask.attempt_id,
            model=self._place.policy.model,
            error_class=failure.error_class if failure else None,
            http_status=failure.http_status if failure else 0,
            time_to_first_content=None if first is None else first - self._began,
            latency=self._clock.now() - self._began,
            usage=result.usage if isinstance(result, Ending) else None,
            started=self._began - self._ask.walk_began,
            detail=failure.detail if failure else "",
        )
