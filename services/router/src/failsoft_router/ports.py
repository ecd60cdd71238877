"""What the router needs of the outside: targets, the answer cache, credentials, the policy."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from failsoft_kit.telemetry.context import SpanContext
from failsoft_model.chat import ChatRequest
from failsoft_model.events import Choice, Delta, StreamReset
from failsoft_model.walk import CacheStatus, ErrorClass, FinishReason, Load, Usage
from failsoft_router.core.egress import Addresses
from failsoft_router.core.endpoints import Endpoints, Sighting
from failsoft_router.core.policy import Policy
from failsoft_router.core.service_address import ServiceAddress
from failsoft_router.core.sight import Sight
from failsoft_router.core.walk_key import WalkKey


def _ignore(told: object) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCall:
    """One attempt, as a target is asked.

    Attributes:
        request: The caller's request; its `model` is the caller's, not the target's.
        attempt_id: walk_id/hop/attempt.
        tenant: Whose request it is; only our own services are told.
        span: The attempt's span; only our own services are told.
        connect: Seconds to an open connection.
        total: Seconds to the end.
        in_gulps: Nobody sees the pieces as they come: several may be given as one, a moment
            later, where that is cheaper. Never the first one.
        goes_to: Is told the endpoint that the call goes to, where a target has several of
            them; again when that cannot be connected to and the next one is tried.
        hears_load: Is told how busy the target says that it is.
        but: Endpoints that had no room for this request, and are not asked for it again.
    """

    request: ChatRequest
    attempt_id: str
    tenant: str
    span: SpanContext
    connect: float
    total: float
    in_gulps: bool = False
    goes_to: Callable[[str], None] = _ignore
    hears_load: Callable[[Load], None] = _ignore
    but: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The target's answer is whole.

    Attributes:
        model: The model that answered, as the target names it.
        response_id: What the target calls its answer, for questions to whom it belongs; empty
            where it calls it nothing, or by what is no id.
        usage: None when the target did not count.
        dropped_parameters: Field paths that it could not honour.
    """

    finish_reason: FinishReason
    model: str
    response_id: str = ""
    usage: Usage | None = None
    dropped_parameters: tuple[str, ...] = ()


Piece = Delta | StreamReset | Ending

MAX_ANSWER = 4 * 1024 * 1024
"""Characters of one answer: what a million tokens say, and one message of 8 MiB carries.

A router must not hold what never ends; the walk gives up a target that says more.
"""


class AttemptFailed(Exception):
    """An attempt gave no whole answer.

    Attributes:
        error_class: What was wrong.
        detail: One sentence for people; no prompt, no answer, no secret.
        http_status: 0 where there was no reply or it was not HTTP.
        retry_after: Seconds that the target asks to wait; None when it says nothing.
        sent: The target may have the request; False: there was not even a connection.
        names_field: It says which field of the caller's is wrong.
        turned_away_by: The one of the target's endpoints that had no room for the request, where
            another one may have it; else empty.
    """

    def __init__(
        self,
        error_class: ErrorClass,
        detail: str,
        *,
        http_status: int = 0,
        retry_after: float | None = None,
        sent: bool = True,
        names_field: bool = False,
        turned_away_by: str = "",
    ) -> None:
        super().__init__(detail)
        self.error_class = error_class
        self.detail = detail
        self.http_status = http_status
        self.retry_after = retry_after
        self.sent = sent
        self.names_field = names_field
        self.turned_away_by = turned_away_by


class Target(Protocol):
    """One thing that can answer."""

    def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """Ask it, and give its answer piece by piece: deltas with content, then one `Ending`.

        A `StreamReset` voids earlier deltas: the target is a router and walks itself.

        What carries no content (keep-alives, roles, empty deltas) is not given. Closing
        the generator, or cancelling the task that waits for it, ends the call.

        Raises:
            AttemptFailed: There is no whole answer.
        """
        ...

    async def close(self) -> None:
        """Let go of connections; calls that run are ended."""
        ...


@runtime_checkable
class Neighbour(Protocol):
    """A service of ours that the router calls, and that says how it is."""

    async def look(self, *, within: float) -> Sight:
        """Ask it; what keeps it from telling is part of how it is.

        Args:
            within: Seconds after which it counts as silent.
        """
        ...


@runtime_checkable
class Replicated(Protocol):
    """A target that has several endpoints, and chooses one for each call."""

    @property
    def endpoints(self) -> Endpoints:
        """Those that are known."""
        ...


class EndpointSource(Protocol):
    """Who knows which endpoints a service has."""

    def follow(self, service: ServiceAddress) -> AsyncGenerator[Sighting, None]:
        """All of them as they are now, and again whenever that changes; it never ends.

        What goes wrong is its own business: until it knows more it says nothing.
        """
        ...


class Credential(Protocol):
    """Where a target's key comes from."""

    def value(self) -> str | None:
        """The key as it is now, or None where there is none. Never logged."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """A whole answer as it was given.

    Attributes:
        served_by: The target that answered.
        model: The model that answered, as the provider names it.
        created: Seconds since the epoch at which it was complete.
    """

    choice: Choice
    finish_reason: FinishReason
    usage: Usage | None
    served_by: str
    model: str
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look-up gave.

    Attributes:
        key: For `store` and later look-ups; empty when the cache was away.
        status: `BYPASS` also when the cache was away.
        age: Seconds; None without an answer.
        answer: Set for hits.
        away: The cache did not answer in time.
    """

    key: bytes
    status: CacheStatus
    age: float | None = None
    answer: StoredAnswer | None = None
    away: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How long an answer may be served, in seconds from its creation, and then as stale."""

    fresh_for: float
    stale_if_error: float


class AnswerCache(Protocol):
    """Whole answers of earlier requests. It never raises and never takes longer than its limit."""

    async def find(
        self,
        canonical: bytes,
        *,
        tenant: str,
        fresh: bool,
        max_age: float | None,
        span: SpanContext,
    ) -> Found:
        """Look a request up.

        Args:
            canonical: The request's canonical form.
            fresh: Hand out a fresh answer; otherwise only the key is wanted.
            max_age: Seconds; an older answer is not wanted. None: any that is fresh.
        """
        ...

    async def find_stale(self, key: bytes, *, tenant: str, span: SpanContext) -> Found:
        """The answer of an earlier look-up's key, however old the cache lets it be."""
        ...

    def store(
        self,
        key: bytes,
        answer: StoredAnswer,
        keeping: Keeping,
        *,
        tenant: str,
        walk: SpanContext,
    ) -> None:
        """Keep an answer; it is sent in the background, together with others.

        Args:
            walk: The span of the walk that got it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPolicy:
    """A policy as somebody wrote it.

    Attributes:
        digest: Tells what was written from anything else, in a few characters.
        addresses: What hosts of its targets were resolved to; those that could not be, and
            those that need not be, are not there.
    """

    policy: Policy
    digest: str
    addresses: Addresses = field(default_factory=dict)


class PolicySource(Protocol):
    """Where the policy is written."""

    async def read(self) -> WrittenPolicy:
        """What is written there now.

        Raises:
            PolicyRefused: It is no policy, or there is nothing to read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What those who run the router should see where they look after it, beside its log.

    Attributes:
        reason: One word, such as `PolicyRefused`.
        message: For people; no prompt, no secret. Of a long one only the beginning may be seen.
        is_trouble: Something is wrong, and waits for somebody to mend it.
    """

    reason: str
    message: str
    is_trouble: bool


class NoticeBoard(Protocol):
    """Where notices are seen."""

    def post(self, notice: Notice) -> None:
        """Have it seen soon. Waits for nobody; it may be lost."""


class StoreAway(Exception):
    """What walks are kept in cannot be asked now; the message says why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptWalk:
    """A walk to keep, and what it is known by.

    Attributes:
        trace_id: Empty: it was not traced.
        began: Seconds since 1970.
        explanation: Writes it down; called once, when it is its turn.
    """

    walk_id: str
    trace_id: str
    request_id: str
    tenant: str
    began: float
    explanation: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundWalk:
    """A walk that was kept.

    Attributes:
        others: Walks that the same id leads to, newest first.
    """

    explanation: bytes
    others: tuple[str, ...]


class WalkStore(Protocol):
    """Keeps walks where every replica finds them."""

    @property
    def reach(self) -> str:
        """How long walks stay, for people: `where walks stay for 1h`."""

    def offer(self, walk: KeptWalk) -> None:
        """Keep it soon; what was kept with its id before is void. Waits for nobody."""

    async def find(self, key: WalkKey) -> FoundWalk | None:
        """The latest walk that an id leads to; None: there is none.

        Raises:
            StoreAway: It cannot be known, after a moment at most.
        """
