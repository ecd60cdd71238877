"""Anthropic's HTTP path."""

import hmac
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from failsoft_upstream.answer import answer
from failsoft_upstream.anthropic.encoders import DocumentEncoder, EventEncoder
from failsoft_upstream.anthropic.errors import AnthropicErrors, Rejected
from failsoft_upstream.anthropic.request import MessageRequest, parse
from failsoft_upstream.dialect import Backstage, CannotPlay, chosen_fault
from failsoft_upstream.faults import Fault
from failsoft_upstream.player import play
from failsoft_upstream.reply import Encoder, Reply
from failsoft_upstream.stage import perform

_JSON = "application/json"


class Anthropic:
    """Serves messages.

    A request that Anthropic would refuse is refused here too, whatever fault is set, and uses
    up no step of a script: a fault must not hide the caller's mistake.
    """

    def __init__(self, backstage: Backstage) -> None:
        """Share `backstage` with every other dialect of the same look-alike."""
        self._backstage = backstage
        self._errors = AnthropicErrors()
        self._numbers = itertools.count(1)

    def routes(self) -> Sequence[web.RouteDef]:
        """What to add to an application."""
        return (web.post("/v1/messages", self._messages),)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        with self._backstage.meter.call(request.path):
            content = await request.read()
            self._backstage.received.append(request, content)
            try:
                self._check_headers(request)
                asked = parse(content)
                self._check_model(asked.question.model)
                fault = self._fault(request, asked)
            except Rejected as rejected:
                return web.Response(status=rejected.status, body=rejected.body, content_type=_JSON)
            self._backstage.meter.asked(
                model=asked.question.model, fault=fault.kind, tokens=asked.question.tokens
            )
            return await play(request, self._reply(asked, fault), self._backstage.meter)

    def _check_headers(self, request: web.Request) -> None:
        key = self._backstage.options.api_key
        given = request.headers.get("x-api-key", "")
        if key is not None and not hmac.compare_digest(given.encode(), key.encode()):
            raise Rejected("invalid x-api-key", status=401, type_="authentication_error")
        if "anthropic-version" not in request.headers:
            raise Rejected("anthropic-version: header is required")

    def _check_model(self, model: str) -> None:
        models = self._backstage.options.models
        if models is not None and model not in models:
            raise Rejected(f"model: {model}", status=404, type_="not_found_error")

    def _fault(self, request: web.Request, asked: MessageRequest) -> Fault:
        try:
            return chosen_fault(
                self._backstage, request, model=asked.question.model, suffix=asked.fault
            )
        except CannotPlay as error:
            raise Rejected(str(error)) from error

    def _reply(self, asked: MessageRequest, fault: Fault) -> Reply:
        style, question = self._backstage.options.style, asked.question
        encoder: Encoder
        identifier = f"msg_{next(self._numbers)}"
        make = EventEncoder if asked.stream else DocumentEncoder
        encoder = make(identifier=identifier, model=question.model, question_tokens=question.tokens)
        return perform(
            fault,
            answer(question, style),
            encoder=encoder,
            errors=self._errors,
            style=style,
            model=question.model,
            now=datetime.now(UTC),
        )
