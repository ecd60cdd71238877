"""A target with several endpoints: each call goes to the one that has least to do.

Every endpoint has a way of its own, opened by the first call and closed when the endpoint
has gone and its calls are over. An endpoint that cannot be connected to costs no hop: the
call was not sent, so it goes to the next one within the time that connecting may take.
After that the call is the endpoint's, whatever becomes of it: the walk decides what follows.
It is told whether another endpoint has room where this one had none; when nobody has, the
target is overloaded, until the first of them has room again.

How a call went is judged here for the endpoint alone, by the same table as for the target.
A walk that gave up waiting says nothing; that an endpoint was silent for as long as the
policy allows is seen by the clock.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from failsoft_kit.clock import Clock
from failsoft_model.events import Delta
from failsoft_model.walk import ErrorClass, Load
from failsoft_router.app.targets.connections import Connection
from failsoft_router.app.targets.endpoint_watch import Watched
from failsoft_router.core.breaker import Result
from failsoft_router.core.endpoints import Endpoints, Turn
from failsoft_router.core.outcome import Lesson, Phase, is_turned_away, verdict
from failsoft_router.core.policy import TargetPolicy
from failsoft_router.core.service_address import service_address
from failsoft_router.core.sight import Sight
from failsoft_router.ports import AttemptFailed, Ending, Neighbour, Piece, TargetCall

_AS_GOOD_AS = 0.95
"""Of a limit; the walk's watch began a moment before an endpoint was chosen."""


class ReplicatedTarget:
    """See `ports.Target`, `ports.Replicated` and `ports.Neighbour`."""

    def __init__(
        self,
        policy: TargetPolicy,
        watched: Watched,
        *,
        to: Callable[[TargetPolicy], Connection],
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        """
        Args:
            to: The way to a target of this policy, which has one endpoint.
        """
        self._policy = policy
        self._watched = watched
        self._to = to
        self._clock = clock
        self._draw = draw
        self._ways: dict[str, Connection] = {}
        watched.follow(self._let_go)

    @property
    def endpoints(self) -> Endpoints:
        """See `ports.Replicated`."""
        return self._watched.endpoints

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """See `ports.Target`."""
        tried = set(call.but)
        connected_by = self._clock.now() + call.connect
        failure: AttemptFailed | None = None
        while turn := self._choose(tried):
            tried.add(turn.address)
            left = connected_by - self._clock.now()
            try:
                async with aclosing(self._ask(turn, replace(call, connect=left))) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except AttemptFailed as error:
                if error.sent or self._clock.now() >= connected_by:
                    raise
                failure = error
        raise self._nobody() or failure or self._none_left()

    async def look(self, *, within: float) -> Sight:
        """See `ports.Neighbour`: how the endpoint is that the next call would go to."""
        turn = self._choose((), even_full=True)
        if turn is None:
            return Sight(ready=False, why="none of its endpoints is ready")
        way = self._way(turn.address)
        way.uses.begin()
        try:
            if not isinstance(way.target, Neighbour):
                return Sight(ready=True)
            return await way.target.look(within=within)
        finally:
            way.uses.end()
            self._end(turn, Result.NO_EVIDENCE)

    async def close(self) -> None:
        """See `ports.Target`."""
        self._watched.leave(self._let_go)
        ways, self._ways = self._ways, {}
        for way in ways.values():
            way.uses.end()

    async def _ask(self, turn: Turn, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """Have one endpoint answer, and learn how it is."""
        way = self._way(turn.address)
        way.uses.begin()
        result, unreachable, spoke = Result.NO_EVIDENCE, False, False
        heard_at = self._clock.now()
        try:
            call.goes_to(turn.address)
            told = partial(self._told, turn)
            async with aclosing(way.target.stream(replace(call, hears_load=told))) as pieces:
                async for piece in pieces:
                    spoke = spoke or isinstance(piece, Delta)
                    if isinstance(piece, Ending):
                        result = Result.OK
                    yield piece
                    heard_at = self._clock.now()
        except AttemptFailed as failure:
            unreachable = not failure.sent
            phase = _phase(failure, spoke=spoke)
            if is_turned_away(failure.error_class, phase):
                raise self._turned_away(turn, failure, call.but) from failure
            result = _result(failure, phase)
            raise
        except asyncio.CancelledError:
            if result is not Result.OK and self._is_silence(heard_at, spoke=spoke):
                result = Result.FAILED
            raise
        finally:
            way.uses.end()
            self._end(turn, result, unreachable=unreachable)

    def _choose(self, tried: Collection[str], *, even_full: bool = False) -> Turn | None:
        now, draw = self._clock.now(), self._draw()
        return self.endpoints.choose(now=now, draw=draw, but=tried, even_full=even_full)

    def _nobody(self) -> AttemptFailed | None:
        """Why nobody is asked, where that is for want of room."""
        wait = self.endpoints.full_for(self._clock.now())
        if not wait:
            return None
        return _no_room(wait)

    def _none_left(self) -> AttemptFailed:
        """Nobody is ready, or whoever takes calls has turned this request away."""
        return _no_room(0.0) if self.endpoints.takes_calls(self._clock.now()) else _none_ready()

    def _turned_away(
        self, turn: Turn, failure: AttemptFailed, but: frozenset[str]
    ) -> AttemptFailed:
        """The same failure, as one of the target; the endpoint is left out for a while.

        Args:
            but: Endpoints that have turned the request away before.
        """
        now, known = self._clock.now(), self.endpoints
        known.has_no_room(turn, failure.retry_after, now=now)
        elsewhere = known.takes_calls(now, but=but | {turn.address})
        return AttemptFailed(
            failure.error_class,
            failure.detail,
            http_status=failure.http_status,
            retry_after=known.full_for(now),  # 0 where another has room: no gate shuts for that
            turned_away_by=turn.address if elsewhere else "",
        )

    def _told(self, turn: Turn, load: Load) -> None:
        self.endpoints.told(turn, load, now=self._clock.now())

    def _end(self, turn: Turn, result: Result, *, unreachable: bool = False) -> None:
        now, draw = self._clock.now(), self._draw()
        with self._watched.changing(now):
            self.endpoints.ended(turn, result, now=now, draw=draw, unreachable=unreachable)

    def _is_silence(self, heard_at: float, *, spoke: bool) -> bool:
        """Whether nothing has come for as long as the target may take."""
        limits = self._policy.limits
        limit = limits.stall if spoke else limits.first_content
        return self._clock.now() - heard_at >= _AS_GOOD_AS * limit

    def _way(self, address: str) -> Connection:
        """The way to an endpoint; being there makes the endpoint itself one of its users."""
        way = self._ways.get(address)
        if way is None:
            way = self._ways[address] = self._to(at_endpoint(self._policy, address))
            way.uses.begin()
        return way

    def _let_go(self) -> None:
        """Endpoints have gone; their ways are closed as soon as nobody uses them."""
        for address in self._ways.keys() - self.endpoints.addresses:
            self._ways.pop(address).uses.end()


def at_endpoint(policy: TargetPolicy, address: str) -> TargetPolicy:
    """The same target, with this one endpoint."""
    service = service_address(policy.endpoint)
    host = "" if service is None else service.host
    return replace(policy, endpoint=address, server_name=host)


def _no_room(wait: float) -> AttemptFailed:
    detail = "none of its endpoints has room"
    return AttemptFailed(ErrorClass.RATE_LIMITED, detail, retry_after=wait, sent=False)


def _none_ready() -> AttemptFailed:
    return AttemptFailed(ErrorClass.TRANSIENT, "none of its endpoints is ready", sent=False)


def _phase(failure: AttemptFailed, *, spoke: bool) -> Phase:
    if spoke:
        return Phase.SPEAKING
    return Phase.WAITING if failure.sent else Phase.CONNECTING


def _result(failure: AttemptFailed, phase: Phase) -> Result:
    lesson = verdict(failure.error_class, phase).lesson
    return Result.FAILED if lesson is Lesson.HEALTH else Result.NO_EVIDENCE
