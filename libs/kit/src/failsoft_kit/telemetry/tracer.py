"""Starts spans: gives them ids, a parent and the decision whether they are recorded."""

import random

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.names import NameRegistry
from failsoft_kit.telemetry.sampler import Sampler
from failsoft_kit.telemetry.span import Attributes, Desk, Kind, Sink, Span, current_span


class Tracer:
    """Starts the spans of one service.

    Children are sampled as their parent is; the sampler decides about what begins here or
    comes from elsewhere. Without a sink a span costs its ids and nothing more: nothing that
    begins here is sampled, and what comes from elsewhere stays as it was.

    Args:
        sink: Where ended spans go; None: nowhere.
        names: The declared names; a strict registry is asked about every name.
        sampler: None: it follows the sender, and samples everything that begins here.
    """

    __slots__ = ("_desk", "_draw", "_sampler")

    def __init__(
        self,
        *,
        clock: Clock,
        sink: Sink | None = None,
        names: NameRegistry | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        checked = names if names is not None and names.strict else None
        self._desk = Desk(clock=clock, sink=sink, names=checked)
        self._draw = random.Random().getrandbits  # noqa: S311 - ids are unique, not secret
        self._sampler = sampler or Sampler()

    def start(
        self,
        name: str,
        *,
        kind: Kind = Kind.INTERNAL,
        parent: SpanContext | Span | None = None,
        attributes: Attributes | None = None,
    ) -> Span:
        """Start a span; whoever starts it ends it.

        Args:
            parent: None: the current span; the start of a new trace if there is none.
        """
        if parent is None:
            parent = current_span()
        above = parent.context if isinstance(parent, Span) else parent
        if above is None:
            # One draw for both ids, each with its lowest bit set: 0 is no id.
            bits = self._draw(192)
            trace_id = bits >> 64 | 1
            context = SpanContext(
                trace_id, bits & _SPAN_BITS | 1, self._samples(trace_id, sender=None)
            )
            parent_id = 0
        else:
            is_ours = isinstance(parent, Span)
            sampled = above.sampled if is_ours else self._samples(above.trace_id, sender=above)
            context = SpanContext(above.trace_id, self._draw(64) | 1, sampled, above.state)
            parent_id = above.span_id
        return Span(
            desk=self._desk,
            name=name,
            kind=kind,
            context=context,
            parent_id=parent_id,
            attributes=attributes,
        )

    def _samples(self, trace_id: int, *, sender: SpanContext | None) -> bool:
        if self._desk.sink is None:
            return sender is not None and sender.sampled
        return self._sampler.samples(trace_id, sender)


_SPAN_BITS = (1 << 64) - 1
