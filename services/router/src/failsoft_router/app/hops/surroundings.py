"""What a walk is given: what every walk of the router shares, and who asks."""

from collections.abc import Callable
from dataclasses import dataclass, field

from failsoft_kit.clock import Clock
from failsoft_kit.deadline import Deadline
from failsoft_kit.telemetry.span import Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_router.app.explain.explanations import Explanations
from failsoft_router.app.hops.supervisor import Supervisor
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.telling.hop_feed import HopFeed
from failsoft_router.app.telling.metrics import Metrics
from failsoft_router.core.recent_walks import RecentWalks
from failsoft_router.ports import AnswerCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the tenant, how long it waits, and the span of its call."""

    tenant: str
    deadline: Deadline
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every walk of a router shares.

    Attributes:
        explanations: Remembers how walks went.
        feed: Is told of each hop that ends.
        recent: Counts how walks end.
        cache: None: there is no cache.
        draw: Gives numbers uniform in [0, 1).
        metrics: Has followed every board that a walk begins with.
        new_id: Gives ids that nobody has seen, of letters, digits and dashes.
    """

    boards: Boards
    supervisor: Supervisor
    cache: AnswerCache | None
    tracer: Tracer
    metrics: Metrics
    clock: Clock
    draw: Callable[[], float]
    new_id: Callable[[], str]
    explanations: Explanations
    feed: HopFeed = field(default_factory=HopFeed)
    recent: RecentWalks = field(default_factory=RecentWalks)
