"""OpenAI's HTTP paths."""

import hmac
import itertools
from collections.abc import Sequence
from functools import partial

import orjson
from aiohttp import web

from failsoft_upstream.dialect import Backstage, CannotPlay, chosen_fault
from failsoft_upstream.faults import ErrorKind, Fault
from failsoft_upstream.openai.encoders import DocumentEncoder, EventEncoder
from failsoft_upstream.openai.errors import OpenAIErrors, Rejected, body
from failsoft_upstream.openai.request import ChatRequest, parse
from failsoft_upstream.reply import Encoder
from failsoft_upstream.serving import JSON, Prepared, serve

_DEFAULT_MODELS = ("gpt-5-mini",)


class OpenAI:
    """Serves chat completions and the list of models.

    A request that OpenAI would refuse is refused here too, whatever fault is
    set, and uses up no step of a script: a fault must not hide the caller's
    mistake.
    """

    def __init__(self, backstage: Backstage) -> None:
        """Share `backstage` with every other dialect of the same look-alike."""
        self._backstage = backstage
        self._errors = OpenAIErrors()
        self._numbers = itertools.count(1)

    def routes(self) -> Sequence[web.RouteDef]:
        """What to add to an application."""
        return (
            web.post("/v1/chat/completions", self._chat),
            web.get("/v1/models", self._models),
            web.route("*", "/v1/{rest:.*}", self._unknown),
        )

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        prepare = partial(self._prepare, request)
        return await serve(self._backstage, request, prepare, errors=self._errors)

    def _prepare(self, request: web.Request, content: bytes) -> Prepared:
        self._check_key(request)
        asked = parse(content)
        self._check_model(asked.question.model)
        fault = self._fault(request, asked)
        return Prepared(question=asked.question, encoder=self._encoder(asked), fault=fault)

    async def _models(self, request: web.Request) -> web.StreamResponse:
        with self._backstage.meter.call(request.path):
            try:
                self._check_key(request)
            except Rejected as rejected:
                return rejected.response
            names = self._backstage.options.models or _DEFAULT_MODELS
            models = [
                {"id": name, "object": "model", "created": 0, "owned_by": "look-alike"}
                for name in names
            ]
            return web.Response(
                body=orjson.dumps({"object": "list", "data": models}), content_type=JSON
            )

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        with self._backstage.meter.call(request.path):
            message = f"Invalid URL ({request.method} {request.path})"
            return web.Response(status=404, body=body(message), content_type=JSON)

    def _check_key(self, request: web.Request) -> None:
        key = self._backstage.options.api_key
        if key is None:
            return
        given = request.headers.get("authorization", "")
        if not given:
            raise Rejected("You didn't provide an API key.", status=401)
        if not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
            raise Rejected(
                "Incorrect API key provided.", status=401, code=ErrorKind.INVALID_API_KEY.value
            )

    def _check_model(self, model: str) -> None:
        models = self._backstage.options.models
        if models is not None and model not in models:
            raise Rejected(
                f"The model `{model}` does not exist or you do not have access to it.",
                status=404,
                code=ErrorKind.MODEL_NOT_FOUND.value,
            )

    def _fault(self, request: web.Request, asked: ChatRequest) -> Fault:
        try:
            return chosen_fault(
                self._backstage, request, model=asked.question.model, suffix=asked.fault
            )
        except CannotPlay as error:
            raise Rejected(str(error), code="invalid_fault") from error

    def _encoder(self, asked: ChatRequest) -> Encoder:
        identifier, question = f"chatcmpl-{next(self._numbers)}", asked.question
        if asked.stream:
            return EventEncoder(
                identifier=identifier,
                model=question.model,
                question_tokens=question.tokens,
                include_usage=asked.include_usage,
                alternatives=asked.alternatives,
            )
        return DocumentEncoder(
            identifier=identifier,
            model=question.model,
            question_tokens=question.tokens,
            alternatives=asked.alternatives,
        )
