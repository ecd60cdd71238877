"""A router whose targets follow scripts, in virtual time."""

import asyncio
import hashlib
import itertools
import math
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial

import pytest
from remembered import remembering

from failsoft_kit.clock import LoopClock
from failsoft_kit.deadline import Deadline
from failsoft_kit.telemetry import Kind, Meter, NameRegistry, Span, SpanContext, SpanName, Tracer
from failsoft_kit.testing.spans import RecordedSpans
from failsoft_model.chat import CacheControl, ChatRequest, Message, Role, Sampling, Text
from failsoft_model.events import Answer, Delta, Event, StreamReset
from failsoft_model.walk import CacheStatus, Load
from failsoft_router import telemetry
from failsoft_router.app.hops.supervisor import Supervisor
from failsoft_router.app.hops.surroundings import Caller, Surroundings
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.boards import Boards, MakeBoard
from failsoft_router.app.targets.connections import Connections
from failsoft_router.app.targets.endpoint_watch import EndpointWatch
from failsoft_router.app.targets.ledger import Ledger
from failsoft_router.app.targets.replicated_target import ReplicatedTarget
from failsoft_router.app.telling.hop_feed import HopFeed
from failsoft_router.app.telling.metrics import Metrics
from failsoft_router.app.walks.walker import Walker
from failsoft_router.core.endpoints import Endpoint, Sighting
from failsoft_router.core.errors import WalkError
from failsoft_router.core.policy import (
    BreakerPolicy,
    Limits,
    Policy,
    Provider,
    RoutePolicy,
    TargetPolicy,
    TenantPolicy,
)
from failsoft_router.core.recent_walks import RecentWalks
from failsoft_router.core.service_address import ServiceAddress
from failsoft_router.core.walk_key import WalkKey
from failsoft_router.ports import (
    AttemptFailed,
    Credential,
    Ending,
    Found,
    FoundWalk,
    Keeping,
    KeptWalk,
    Piece,
    StoreAway,
    StoredAnswer,
    Target,
    TargetCall,
)

Step = str | float | Delta | StreamReset | Ending | AttemptFailed | Load
"""Text is said, a number of seconds is waited (infinity: a hang), a failure is raised."""

Script = tuple[Step, ...]
"""What a target does in one call; without an `Ending` its stream just stops."""

LIMITS = Limits(connect=1.0, first_content=4.0, stall=2.0, total=60.0)


class ScriptedTarget:
    """A target that follows one script a call; the last script goes on for ever."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self._scripts = scripts
        self.calls: list[TargetCall] = []
        self.started: list[float] = []
        self.running = 0
        self.closed = False

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        script = self._scripts[min(len(self.calls), len(self._scripts) - 1)]
        self.calls.append(call)
        self.started.append(asyncio.get_running_loop().time())
        self.running += 1
        try:
            for step in script:
                match step:
                    case AttemptFailed():
                        raise step
                    case str():
                        yield Delta(text=step)
                    case Delta() | StreamReset() | Ending():
                        yield step
                    case Load():
                        call.hears_load(step)
                    case math.inf:
                        await asyncio.Event().wait()
                    case _:
                        await asyncio.sleep(step)
        finally:
            self.running -= 1

    async def close(self) -> None:
        self.closed = True


class ScriptedEndpoints:
    """Says which endpoints services have, when a test says so."""

    def __init__(self) -> None:
        self._told: dict[str, asyncio.Queue[Sighting]] = {}
        self.followed: list[str] = []

    async def follow(self, service: ServiceAddress) -> AsyncGenerator[Sighting, None]:
        self.followed.append(service.service)
        told = self._told[service.service] = asyncio.Queue()
        try:
            while True:
                yield await told.get()
        finally:
            self.followed.remove(service.service)

    def tell(self, service: str, seen: Sighting) -> None:
        self._told[service].put_nowait(seen)


class KeptAnswers:
    """The answer cache in a dict; obeys the port, and can be away."""

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock
        self.kept: dict[bytes, tuple[StoredAnswer, Keeping]] = {}
        self.away = False
        self.asked: list[str] = []
        self.kept_for: list[SpanContext] = []

    async def find(
        self,
        canonical: bytes,
        *,
        tenant: str,
        fresh: bool,
        max_age: float | None,
        span: SpanContext,
    ) -> Found:
        self.asked.append("fresh" if fresh else "key")
        if self.away:
            return Found(key=b"", status=CacheStatus.BYPASS, away=True)
        key = hashlib.sha256(tenant.encode() + b"\0" + canonical).digest()
        answer, keeping, age = self._entry(key)
        if answer is None or not fresh or age >= keeping.fresh_for:
            return Found(key=key, status=CacheStatus.MISS)
        if max_age is not None and age > max_age:
            return Found(key=key, status=CacheStatus.MISS)
        return Found(key=key, status=CacheStatus.HIT_FRESH, age=age, answer=answer)

    async def find_stale(self, key: bytes, *, tenant: str, span: SpanContext) -> Found:
        self.asked.append("stale")
        if self.away:
            return Found(key=b"", status=CacheStatus.BYPASS, away=True)
        answer, keeping, age = self._entry(key)
        if answer is None or age >= keeping.fresh_for + keeping.stale_if_error:
            return Found(key=key, status=CacheStatus.MISS)
        return Found(key=key, status=CacheStatus.HIT_STALE, age=age, answer=answer)

    def store(
        self,
        key: bytes,
        answer: StoredAnswer,
        keeping: Keeping,
        *,
        tenant: str,
        walk: SpanContext,
    ) -> None:
        self.kept[key] = (answer, keeping)
        self.kept_for.append(walk)

    def _entry(self, key: bytes) -> tuple[StoredAnswer | None, Keeping, float]:
        if key not in self.kept:
            return None, Keeping(fresh_for=0.0, stale_if_error=0.0), 0.0
        answer, keeping = self.kept[key]
        return answer, keeping, self._clock.unix() - answer.created

    @property
    def texts(self) -> list[str]:
        return [answer.choice.message.text for answer, _ in self.kept.values()]


class KeptWalks:
    """The walks of all replicas in a list; obeys the port, and can be away, or break."""

    reach = "where walks stay for 1h"

    def __init__(self) -> None:
        self.kept: list[KeptWalk] = []
        self.away = False
        self.breaks = False

    def offer(self, walk: KeptWalk) -> None:
        if self.breaks:
            raise RuntimeError
        self.kept.append(walk)

    async def find(self, key: WalkKey) -> FoundWalk | None:
        if self.away:
            raise StoreAway("Valkey did not answer in time")
        for walk in reversed(self.kept):
            if key.id in (walk.walk_id, walk.trace_id, walk.request_id):
                return FoundWalk(explanation=walk.explanation(), others=())
        return None


class Stage:
    """One router with one route, `chat`, over scripted targets; made inside a running loop."""

    def __init__(
        self,
        *,
        hops: Sequence[str] = (),
        limits: Limits = LIMITS,
        route: Mapping[str, object] | None = None,
        targets: Mapping[str, Mapping[str, object]] | None = None,
        tenant: TenantPolicy | None = None,
        credentials: Mapping[str, Credential] | None = None,
        cache: bool = True,
        store: bool = False,
        remembers: int = 100,
        metrics_tenants: Sequence[str] = (),
        endpoints: Mapping[str, Script | list[Script]] | None = None,
        **scripts: Script | list[Script],
    ) -> None:
        """
        Args:
            hops: By default the scripted targets in their order.
            route: What is special about the route.
            targets: What is special about each target.
            tenant: The policy of tenant `acme`, who asks.
            store: Walks are kept outside, too.
            remembers: Walks, at most.
            metrics_tenants: Who are told apart in metrics.
            endpoints: By their addresses, of targets that name a service; they follow scripts,
                too, and `sees` says which there are.
            scripts: For each target a script, or one for each call.
        """
        self.clock = LoopClock()
        self.began = self.clock.now()
        self.targets = {
            name: ScriptedTarget(script if isinstance(script, list) else [script])
            for name, script in scripts.items()
        }
        special = targets or {}
        chat = RoutePolicy(name="chat", hops=tuple(hops or scripts), default=True)
        policy = Policy(
            targets={
                name: replace(_target(name, limits), **special.get(name, {}))  # type: ignore[arg-type] # any field
                for name in scripts
            },
            routes={"chat": replace(chat, **(route or {}))},  # type: ignore[arg-type] # any field
            tenants={"acme": tenant or TenantPolicy(allow_mock=True)},
        )
        self.spans = RecordedSpans()
        names = NameRegistry(strict=True)
        names.register(telemetry.NAMES)
        names.register([SpanName(name="caller", description="Who asks.")])
        self.tracer = Tracer(clock=self.clock, sink=self.spans, names=names)
        self.cache = KeptAnswers(self.clock)
        keys = credentials or {}
        self.opened: list[TargetPolicy] = []

        self.endpoints = {
            address: ScriptedTarget(script if isinstance(script, list) else [script])
            for address, script in (endpoints or {}).items()
        }
        self.source = ScriptedEndpoints()
        self.endpoint_watch = EndpointWatch(self.source, clock=self.clock)

        def open_(target: TargetPolicy) -> tuple[Target, Credential | None]:
            self.opened.append(target)
            watched = self.endpoint_watch.of(target)
            if watched is not None:
                to, clock = self.connections.to, self.clock
                several = ReplicatedTarget(target, watched, to=to, clock=clock, draw=lambda: 0.0)
                return several, keys.get(target.name)
            one = self.endpoints.get(target.endpoint) or self.targets[target.name]
            return one, keys.get(target.name)

        self.connections = Connections(open_)
        self.meter = Meter(clock=self.clock, names=names)
        metrics = Metrics(self.meter, clock=self.clock, tenants=metrics_tenants)
        make: MakeBoard = partial(
            Board, connections=self.connections, ledger=Ledger(), clock=self.clock
        )
        make = metrics.following(self.endpoint_watch.following(make))
        self.boards = Boards(policy, make=make)
        self.feed = HopFeed()
        self.recent = RecentWalks()
        self.store = KeptWalks() if store else None
        self.explanations = remembering(self.clock, most=remembers, store=self.store)
        self.supervisor = Supervisor()
        self._is_supervised = False
        self.walker = Walker(
            Surroundings(
                boards=self.boards,
                supervisor=self.supervisor,
                cache=self.cache if cache else None,
                tracer=self.tracer,
                metrics=metrics,
                clock=self.clock,
                draw=lambda: 0.5,
                new_id=map("walk-{}".format, itertools.count(1)).__next__,
                explanations=self.explanations,
                feed=self.feed,
                recent=self.recent,
            )
        )
        self.events: list[Event] = []

    @property
    def board(self) -> Board:
        """The one in force."""
        return self.boards.current

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """What is in the background of endpoints is done during the block."""
        async with asyncio.TaskGroup() as tasks:
            jobs = [
                tasks.create_task(self.endpoint_watch.run()),
                tasks.create_task(self.connections.run()),
            ]
            await asyncio.sleep(0)
            yield
            for job in jobs:
                job.cancel()

    async def sees(
        self, service: str, *ready: str, unready: Sequence[str] = (), by_name: bool = False
    ) -> None:
        """These are the service's endpoints from now on."""
        seen = [Endpoint(address=address, ready=True) for address in ready]
        seen += [Endpoint(address=address, ready=False) for address in unready]
        for _ in range(2):
            # Until it is followed, and until it was told.
            await asyncio.sleep(0)
        self.source.tell(service, Sighting(endpoints=tuple(seen), by_name=by_name))
        for _ in range(2):
            await asyncio.sleep(0)

    @staticmethod
    def patient() -> Limits:
        """Limits that no test reaches."""
        return Limits(connect=1000.0, first_content=1000.0, stall=1000.0, total=3600.0)

    @staticmethod
    def never_opening() -> BreakerPolicy:
        """A breaker that lets everything through."""
        return BreakerPolicy(consecutive_failures=1000, minimum_calls=1000)

    def after(self) -> float:
        """Seconds since the stage was made."""
        return self.clock.now() - self.began

    async def ask(
        self, request: ChatRequest | None = None, *, within: float | None = None
    ) -> Answer:
        """One unary request of acme's."""
        async with self.supervised():
            with self.calling(within) as caller:
                return await self.walker.answer(request or question(), caller)

    async def refused(
        self, request: ChatRequest | None = None, *, within: float | None = None
    ) -> WalkError:
        """How a unary request fails."""
        with pytest.raises(WalkError) as failure:
            await self.ask(request, within=within)
        return failure.value

    async def stream(
        self,
        request: ChatRequest | None = None,
        *,
        within: float | None = None,
        reader: Callable[[Event], Awaitable[None]] | None = None,
        sees_resets: bool = True,
    ) -> list[Event]:
        """One streamed request of acme's; `events` has them even if it fails."""
        self.events = []

        async def sink(event: Event) -> None:
            self.events.append(event)
            if reader is not None:
                await reader(event)

        async with self.supervised():
            with self.calling(within) as caller:
                await self.walker.stream(
                    request or question(), caller, sink, sees_resets=sees_resets
                )
        return self.events

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """What is left running goes on until the end of the outermost of these blocks."""
        if self._is_supervised:
            yield
            return
        self._is_supervised = True
        failure: Exception | None = None
        async with self.supervisor.owning():
            try:
                yield
            except Exception as error:
                # Not through the task group, which would wrap it.
                failure = error
            finally:
                self._is_supervised = False
        if failure is not None:
            raise failure

    @contextmanager
    def calling(self, within: float | None) -> Iterator[Caller]:
        """A caller whose call, and with it its span, ends with the block."""
        caller = self.caller(within)
        try:
            yield caller
        finally:
            caller.span.end()

    def caller(self, within: float | None = None) -> Caller:
        deadline = Deadline.after(within, now=self.clock.now())
        return Caller(tenant="acme", deadline=deadline, span=self._span())

    def _span(self) -> Span:
        return self.tracer.start("caller", kind=Kind.SERVER)


def question(
    text: str = "hi",
    *,
    temperature: float | None = None,
    model: str = "chat",
    cache_control: CacheControl | None = None,
    max_tokens: int | None = None,
) -> ChatRequest:
    return ChatRequest(
        model=model,
        messages=(Message(role=Role.USER, parts=(Text(text=text),)),),
        sampling=Sampling(temperature=temperature, max_tokens=max_tokens),
        cache_control=cache_control or CacheControl(),
        request_id="req-1",
    )


def _target(name: str, limits: Limits) -> TargetPolicy:
    return TargetPolicy(
        name=name,
        provider=Provider.OPENAI,
        model=f"{name}-model",
        endpoint=f"https://{name}.example.com/v1",
        limits=limits,
        attempts=1,
    )


@pytest.fixture
def stage() -> type[Stage]:
    """Makes stages; a fixture because tests cannot import this file."""
    return Stage


@pytest.fixture(name="question")
def question_of() -> Callable[..., ChatRequest]:
    """Makes requests."""
    return question
