"""Answers requests: the one way in for every front door.

A walk takes the board that is current when it begins, which is the one held for it here:
nothing is awaited in between. The board's targets stay reachable until the walk is over.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.rpc.crash import describe
from failsoft_model.chat import ChatRequest
from failsoft_model.events import Answer, Finished
from failsoft_router.app.hops.surroundings import Caller, Surroundings
from failsoft_router.app.reply.delivery import EventSink, Opens
from failsoft_router.app.telling import chronicle
from failsoft_router.app.walks.tenancy import admitted
from failsoft_router.app.walks.walk import Walk
from failsoft_router.core.errors import RouteExhausted, StreamBroken, WalkDeadlinePassed

_log: FilteringBoundLogger = structlog.get_logger()


class Walker:
    """Starts a walk for each request."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    async def answer(self, request: ChatRequest, caller: Caller) -> Answer:
        """The whole answer.

        Raises:
            TenantLimited: The tenant has asked as much as it may.
            RouteNotFound: No route answers to the model that was asked for.
            WalkError: Nobody answered; its subclass says why.
        """
        with self._admitted(caller):
            walk = Walk(self._surroundings, request, caller, sink=None)
            finished = await self._run(walk)
            return Answer(choice=walk.choice, finished=finished)

    async def stream(
        self,
        request: ChatRequest,
        caller: Caller,
        sink: EventSink,
        *,
        sees_resets: bool = True,
        opens: Opens | None = None,
    ) -> None:
        """The answer event by event; `sink` is awaited for each, so a slow reader slows the walk.

        Args:
            sees_resets: The caller's protocol can say that what was sent is void. Without
                it no `StreamReset` is sent once content has left.
            opens: Is told what is known just before the first content; None: nobody asks.

        Raises:
            TenantLimited: The tenant has asked as much as it may.
            RouteNotFound: No route answers to the model that was asked for.
            WalkError: Nobody answered; its subclass says why.
        """
        with self._admitted(caller):
            walk = Walk(
                self._surroundings,
                request,
                caller,
                sink=sink,
                sees_resets=sees_resets,
                opens=opens,
            )
            await self._run(walk)

    async def _run(self, walk: Walk) -> Finished:
        """Walk, and tell how it ended."""
        began = self._surroundings.clock.now()
        try:
            finished = await walk.run()
        except BaseException as error:
            self._tell(walk, error, began=began)
            raise
        self._tell(walk, finished, began=began)
        return finished

    def _tell(self, walk: Walk, end: Finished | BaseException, *, began: float) -> None:
        """Count it, remember it, log it: a mistake of ours in that must not cost an answer."""
        took = self._surroundings.clock.now() - began
        try:
            self._count(walk, end, took=took)
            walk.remember(end)
            chronicle.walk_ended(end, took=took, context=walk.context)
        except Exception as error:
            _log.error("walk.untold", stack=describe(error))

    def _count(self, walk: Walk, end: Finished | BaseException, *, took: float) -> None:
        around, now = self._surroundings, self._surroundings.clock.now()
        if isinstance(end, Finished):
            around.recent.add(end.degradation, now=now)
        elif isinstance(end, RouteExhausted | WalkDeadlinePassed | StreamBroken):
            around.recent.add(None, now=now)
        around.metrics.walk_ended(
            end,
            tenant=walk.tenant,
            route=walk.route,
            calls=walk.calls,
            took=took,
            context=walk.context,
        )

    @contextmanager
    def _admitted(self, caller: Caller) -> Iterator[None]:
        around = self._surroundings
        with around.boards.hold() as board, admitted(board, caller.tenant, now=around.clock.now()):
            yield
