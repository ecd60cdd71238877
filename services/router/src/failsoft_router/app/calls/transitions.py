"""Notes each change of a target's breaker on the hop that has brought it about, and in the log."""

from types import TracebackType

from failsoft_kit.telemetry.span import Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_router import span_names
from failsoft_router.app.targets.place import Place
from failsoft_router.app.telling import chronicle


class NotingTransitions:
    """What happens to a breaker inside this block is an event of the hop's span.

    A span that has ended takes no events, and some calls are judged later: whose fault a
    connection that failed is may not be known for 2 seconds, and a probe may outlast its hop.
    Then the change is a span of its own, without duration, below the hop.
    """

    __slots__ = ("_before", "_breaker", "_hop", "_target", "_tracer", "_transitions")

    def __init__(self, place: Place, *, hop: Span, tracer: Tracer) -> None:
        self._target = place.policy.name
        self._breaker = place.gates.health
        self._hop = hop
        self._tracer = tracer

    def __enter__(self) -> None:
        self._before = self._breaker.state
        self._transitions = self._breaker.transitions

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._breaker.transitions == self._transitions:
            return
        chronicle.breaker_changed(
            self._target, self._breaker, before=self._before, context=self._hop.context
        )
        change = {
            span_names.BREAKER_FROM: self._before.value,
            span_names.BREAKER_STATE: self._breaker.state.value,
        }
        if self._hop.recording:
            self._hop.event(span_names.TRANSITION, change)
        else:
            self._tracer.start(span_names.TRANSITION, parent=self._hop, attributes=change).end()
