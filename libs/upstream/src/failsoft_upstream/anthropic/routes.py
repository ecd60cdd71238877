"""Anthropic's HTTP path."""

import hmac
import itertools
from collections.abc import Sequence
from functools import partial

from aiohttp import web

from failsoft_upstream.anthropic.encoders import DocumentEncoder, EventEncoder
from failsoft_upstream.anthropic.errors import AnthropicErrors, Rejected
from failsoft_upstream.anthropic.request import MessageRequest, parse
from failsoft_upstream.dialect import Backstage, CannotPlay, chosen_fault
from failsoft_upstream.faults import Fault
from failsoft_upstream.serving import Prepared, serve


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
        prepare = partial(self._prepare, request)
        return await serve(self._backstage, request, prepare, errors=self._errors)

    def _prepare(self, request: web.Request, content: bytes) -> Prepared:
        self._check_headers(request)
        asked = parse(content)
        question = asked.question
        self._check_model(question.model)
        fault = self._fault(request, asked)
        make = EventEncoder if asked.stream else DocumentEncoder
        identifier = f"msg_{next(self._numbers)}"
        encoder = make(identifier=identifier, model=question.model, question_tokens=question.tokens)
        return Prepared(question=question, encoder=encoder, fault=fault)

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
