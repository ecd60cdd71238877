"""The trail of one walk: each hop as a span and as a `Hop` of the reply, in the same words."""

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from failsoft_kit.telemetry.span import Kind, Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.walk import Attempt, ErrorClass, Hop, HopOutcome, SkipReason
from failsoft_router import span_names
from failsoft_router.app.hops.errand import Errand
from failsoft_router.app.telling.hop_feed import EndedHop, HopFeed
from failsoft_router.app.telling.metrics import Metrics
from failsoft_router.core.plan import PlannedHop
from failsoft_router.ports import AttemptFailed


class Progress(enum.Enum):
    """How far a hop has come."""

    OPEN = "open"
    """It is looked at."""
    OVERTAKEN = "overtaken"
    """An earlier probe spoke first, and it is looked at again if that one dies."""
    PROBING = "probing"
    """The walk has gone on; its call runs beside, and ends the span."""
    ENDED = "ended"


@dataclass(slots=True)
class OpenHop:
    """A hop that has begun: its span, when it began (seconds of the clock), how far it is."""

    planned: PlannedHop
    span: Span
    began: float
    trail: "Trail"
    progress: Progress = Progress.OPEN


class Trail:
    """Writes the hops of one walk down; a hop that replaces another links to it."""

    def __init__(
        self,
        errand: Errand,
        walk: Span,
        *,
        route: str,
        tracer: Tracer,
        feed: HopFeed,
        metrics: Metrics,
    ) -> None:
        """
        Args:
            walk: The walk's span.
            feed: Is told of each hop that ends.
        """
        self._errand = errand
        self._walk = walk
        self._route = route
        self._tracer = tracer
        self._feed = feed
        self._metrics = metrics
        self._clock = errand.clock
        self._replaced: Span | None = None
        self._hops: list[Hop] = []

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The hops that ended, in order."""
        return tuple(self._hops)

    @contextmanager
    def begin(self, planned: PlannedHop) -> Iterator[OpenHop]:
        """A hop is looked at from now on; one that nobody ended was abandoned by its caller."""
        hop = self._open(planned)
        try:
            yield hop
        except Exception:
            if hop.progress in (Progress.OPEN, Progress.OVERTAKEN):
                self.failed(hop, ErrorClass.UNKNOWN, "an error of our own", ())
            raise
        finally:
            match hop.progress:
                case Progress.OPEN:
                    self.failed(hop, ErrorClass.CANCELLED, "the caller went away", ())
                case Progress.OVERTAKEN:
                    hop.span.set(span_names.HOP_OUTCOME, HopOutcome.FAILED.value)
                    hop.span.set(span_names.ERROR_CLASS, ErrorClass.CANCELLED.value)
                    hop.span.end()
                    self._metrics.hop_ended(self._overtaken(hop, ()))
                case Progress.PROBING | Progress.ENDED:
                    pass

    def _open(self, planned: PlannedHop) -> OpenHop:
        span = self._tracer.start(
            span_names.HOP,
            kind=Kind.INTERNAL,
            parent=self._walk,
            attributes={
                span_names.HOP_TARGET: planned.name,
                span_names.HOP_POSITION: planned.position,
                span_names.HOP_PLACE: planned.place.value,
                span_names.DEADLINE_REMAINING: self._errand.to_first_content(),
            },
        )
        if self._replaced is not None:
            span.link(self._replaced.context, {span_names.LINK: span_names.FALLBACK_OF})
        return OpenHop(planned, span, self._clock.now(), self)

    def trying(self, hop: OpenHop) -> Hop:
        """The open hop, for those who watch."""
        return Hop(
            position=hop.planned.position,
            target=hop.planned.name,
            outcome=HopOutcome.TRYING,
            started=hop.began - self._errand.began,
            place=hop.planned.place,
        )

    def served(self, hop: OpenHop, attempts: tuple[Attempt, ...] = ()) -> Hop:
        """The hop's answer was used."""
        return self._end(hop, self._hop(hop, HopOutcome.SERVED, attempts))

    def failed(
        self,
        hop: OpenHop,
        error_class: ErrorClass,
        detail: str,
        attempts: tuple[Attempt, ...],
    ) -> Hop:
        """The hop gave no answer that could be used."""
        hop.span.set(span_names.ERROR_CLASS, error_class.value)
        if error_class is not ErrorClass.CANCELLED:
            hop.span.fail(error_class.value)
        ended = self._hop(hop, HopOutcome.FAILED, attempts)
        return self._end(hop, replace(ended, error_class=error_class, detail=detail))

    def skipped(self, hop: OpenHop, reason: SkipReason, detail: str, *, due_in: float = 0.0) -> Hop:
        """The hop was not tried, or had nothing to give.

        Args:
            due_in: Seconds until the gate that is shut opens by itself; 0: not known.
        """
        hop.span.set(span_names.HOP_SKIP_REASON, reason.value)
        if due_in > 0:
            hop.span.set(span_names.GATE_DUE_IN, due_in)
        ended = self._hop(hop, HopOutcome.SKIPPED, ())
        return self._end(hop, replace(ended, skip_reason=reason, detail=detail))

    def overtaken(self, hop: OpenHop, attempts: tuple[Attempt, ...]) -> Hop:
        """A probe of an earlier hop spoke first; the hop is tried again if that one dies.

        A later `served` or `failed` of the same hop replaces this.
        """
        hop.progress = Progress.OVERTAKEN
        overtaken = self._overtaken(hop, attempts)
        self._write(overtaken)
        return overtaken

    def probing(self, hop: OpenHop, earlier: tuple[Attempt, ...]) -> Hop:
        """The walk goes on; the hop's call runs beside it, and its span ends with the call.

        The call itself is among the attempts only after its end: a later `served` or
        `failed` of the same hop replaces this.
        """
        hop.progress = Progress.PROBING
        hop.span.set(span_names.HOP_OUTCOME, HopOutcome.PROBING.value)
        self._replaced = hop.span
        probing = self._hop(hop, HopOutcome.PROBING, earlier)
        self._write(replace(probing, detail="its probe runs beside the walk"))
        return self._hops[-1]

    def resolved(
        self, hop: OpenHop, attempts: tuple[Attempt, ...], failure: AttemptFailed | None
    ) -> None:
        """A probe has ended that the walk left behind; the reply does not know of it.

        Args:
            failure: None: it has answered, and nobody waited.
        """
        if failure is not None:
            hop.span.set(span_names.ERROR_CLASS, failure.error_class.value)
            if failure.error_class is not ErrorClass.CANCELLED:
                hop.span.fail(failure.error_class.value)
        hop.span.end()
        resolved = _resolved(self._hop(hop, HopOutcome.PROBING, attempts), failure)
        self._errand.notes.ended_late(resolved)
        if hop.progress is Progress.PROBING:
            self._metrics.hop_ended(resolved)
        if hop.progress is not Progress.ENDED and self._feed.followers:
            self._tell(resolved)

    def _overtaken(self, hop: OpenHop, attempts: tuple[Attempt, ...]) -> Hop:
        return replace(
            self._hop(hop, HopOutcome.FAILED, attempts),
            error_class=ErrorClass.CANCELLED,
            detail="an earlier probe spoke first",
        )

    def _hop(self, hop: OpenHop, outcome: HopOutcome, attempts: tuple[Attempt, ...]) -> Hop:
        return Hop(
            position=hop.planned.position,
            target=hop.planned.name,
            outcome=outcome,
            started=hop.began - self._errand.began,
            latency=self._clock.now() - hop.began,
            attempts=attempts,
            place=hop.planned.place,
        )

    def _end(self, hop: OpenHop, ended: Hop) -> Hop:
        hop.progress = Progress.ENDED
        hop.span.set(span_names.HOP_OUTCOME, ended.outcome.value)
        hop.span.end()
        self._replaced = hop.span
        self._metrics.hop_ended(ended)
        self._write(ended)
        return ended

    def _write(self, hop: Hop) -> None:
        """Note how a hop is; what was noted of the same hop before is void."""
        if self._feed.followers:
            self._tell(hop)
        for index, noted in enumerate(self._hops):
            if noted.position == hop.position:
                self._hops[index] = hop
                return
        self._hops.append(hop)

    def _tell(self, hop: Hop) -> None:
        errand = self._errand
        self._feed.tell(
            EndedHop(
                hop=hop,
                walk_id=errand.walk_id,
                route=self._route,
                tenant=errand.tenant,
                request_id=errand.request.request_id,
                trace_id=self._walk.trace_id,
            )
        )


def _resolved(probing: Hop, failure: AttemptFailed | None) -> Hop:
    """How a hop ended whose probe nobody waited for."""
    if failure is None:
        return replace(probing, detail="its probe answered, and nobody waited any more")
    return replace(
        probing,
        outcome=HopOutcome.FAILED,
        error_class=failure.error_class,
        detail=failure.detail,
    )
