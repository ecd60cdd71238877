"""The routes of OpenAI's API, each with what it demands of its caller."""

import math
from collections.abc import Sequence

from failsoft_kit.call import Call, current
from failsoft_kit.clock import Clock
from failsoft_kit.deadline import Deadline
from failsoft_kit.http.exchange import Reply, Request, Response
from failsoft_kit.http.routes import Route
from failsoft_kit.identity import Access
from failsoft_router.api.openai.media_type import check_media_type
from failsoft_router.api.openai.stream import StreamedReply
from failsoft_router.app.hops.surroundings import Caller
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.walks.walker import Walker
from failsoft_router.core.route import route_for
from failsoft_router.wire.openai_front.facts import answer_headers, walk_headers
from failsoft_router.wire.openai_front.models import encode_model, encode_models, model_ids
from failsoft_router.wire.openai_front.reply import encode_answer
from failsoft_router.wire.openai_front.request import Asked, decode


class OpenAiFront:
    """Answers requests of OpenAI's clients. Errors leave as FailsoftError."""

    def __init__(
        self, walker: Walker, boards: Boards, *, clock: Clock, longest_silence: float
    ) -> None:
        """
        Args:
            longest_silence: Seconds after which a stream is sent a comment.
        """
        self._walker = walker
        self._boards = boards
        self._clock = clock
        self._longest_silence = longest_silence
        self._since = int(clock.unix())

    def routes(self) -> Sequence[Route]:
        """What is served."""
        table = (
            ("POST", "/v1/chat/completions", self._complete),
            ("GET", "/v1/models", self._list_models),
            ("GET", "/v1/models/*", self._get_model),
        )
        return [
            Route(method=method, path=path, access=Access.TENANT, handler=handler)
            for method, path, handler in table
        ]

    async def _complete(self, request: Request, response: Response) -> None:
        call = current()
        check_media_type(request.headers)
        asked = decode(await request.body(), request.headers, request_id=call.request_id)
        caller = self._caller(asked, call)
        if asked.stream:
            reply = StreamedReply(
                response,
                asked,
                call=call,
                clock=self._clock,
                longest_silence=self._longest_silence,
            )
            await reply.send(self._walker, caller)
        else:
            await response.reply(await self._answer(asked, caller))

    async def _answer(self, asked: Asked, caller: Caller) -> Reply:
        answer = await self._walker.answer(asked.chat, caller)
        finished = answer.finished
        created = int(self._clock.unix())
        headers = (
            *walk_headers(walk_id=finished.walk_id, trace_id=finished.trace_id),
            *answer_headers(
                served_by=finished.served_by,
                degradation=finished.degradation,
                cache_status=finished.cache_status,
                cache_age=finished.cache_age,
            ),
        )
        body = encode_answer(answer, created=created, dropped=asked.dropped_with)
        return Reply(status=200, body=body, headers=headers)

    def _caller(self, asked: Asked, call: Call) -> Caller:
        deadline = Deadline(at=math.inf)
        if asked.deadline is not None:
            deadline = Deadline.after(asked.deadline, now=self._clock.now())
        return Caller(tenant=call.principal.tenant, deadline=deadline, span=call.span)

    async def _list_models(self, request: Request, response: Response) -> None:
        ids = model_ids(self._boards.current.policy)
        await response.reply(Reply(status=200, body=encode_models(ids, created=self._since)))

    async def _get_model(self, request: Request, response: Response) -> None:
        route_for(self._boards.current.policy, request.below)
        body = encode_model(request.below, created=self._since)
        await response.reply(Reply(status=200, body=body))
