"""Gemini's HTTP paths."""

import hmac
import itertools
from collections.abc import Sequence
from functools import partial

import orjson
from aiohttp import web

from failsoft_upstream import faults
from failsoft_upstream.dialect import Backstage, CannotPlay, chosen_fault
from failsoft_upstream.faults import ErrorKind, Fault, HintForm
from failsoft_upstream.gemini.encoders import DocumentEncoder, EventEncoder
from failsoft_upstream.gemini.errors import BAD_KEY, GeminiErrors, Rejected, delayed, reason
from failsoft_upstream.gemini.request import Asked, parse
from failsoft_upstream.reply import Encoder
from failsoft_upstream.serving import JSON, Prepared, serve

_FAULT_MARK = "#"
_DEFAULT_MODELS = ("gemini-2.5-flash",)
_UNARY, _STREAM = "generateContent", "streamGenerateContent"


class Gemini:
    """Serves answers, whole and streamed, and the list of models.

    As of OpenAI's dialect: a request that Gemini would refuse is refused here too, whatever
    fault is set. Without `alt=sse` Gemini streams a JSON array, which is not served here.
    """

    def __init__(self, backstage: Backstage) -> None:
        """Share `backstage` with every other dialect of the same look-alike."""
        self._backstage = backstage
        self._errors = GeminiErrors()
        self._numbers = itertools.count(1)

    def routes(self) -> Sequence[web.RouteDef]:
        """What to add to an application."""
        return (
            web.post("/v1beta/models/{call:[^/]+}", self._generate),
            web.get("/v1beta/models", self._models),
            web.route("*", "/v1beta/{rest:.*}", self._unknown),
        )

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        prepare = partial(self._prepare, request)
        return await serve(self._backstage, request, prepare, errors=self._errors)

    def _prepare(self, request: web.Request, content: bytes) -> Prepared:
        named, _, method = request.match_info["call"].rpartition(":")
        model, mark, written = named.partition(_FAULT_MARK)
        self._check_key(request)
        streamed = _is_streamed(request, method)
        self._check_model(model)
        asked = parse(content, model=model)
        fault = self._fault(request, model, written if mark else None)
        return Prepared(
            question=asked.question,
            encoder=self._encoder(asked, streamed=streamed),
            fault=fault,
            sent_as=self._as_gemini_fails(fault, model),
        )

    async def _models(self, request: web.Request) -> web.StreamResponse:
        with self._backstage.meter.call(request.path):
            try:
                self._check_key(request)
            except Rejected as rejected:
                return rejected.response
            names = self._backstage.options.models or _DEFAULT_MODELS
            models = [
                {"name": f"models/{name}", "supportedGenerationMethods": [_UNARY]} for name in names
            ]
            return web.Response(body=orjson.dumps({"models": models}), content_type=JSON)

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        """Google answers such paths with a page for people."""
        with self._backstage.meter.call(request.path):
            return web.Response(
                status=404, text="<title>Error 404</title>", content_type="text/html"
            )

    def _check_key(self, request: web.Request) -> None:
        key = self._backstage.options.api_key
        if key is None:
            return
        given = request.headers.get("x-goog-api-key", "")
        if not given:
            raise Rejected("Method doesn't allow unregistered callers.", status=403)
        if not hmac.compare_digest(given.encode(), key.encode()):
            raise Rejected(BAD_KEY, details=[reason("API_KEY_INVALID")])

    def _check_model(self, model: str) -> None:
        models = self._backstage.options.models
        if models is not None and model not in models:
            raise Rejected(f"models/{model} is not found for API version v1beta.", status=404)

    def _fault(self, request: web.Request, model: str, suffix: str | None) -> Fault:
        try:
            return chosen_fault(self._backstage, request, model=model, suffix=suffix)
        except CannotPlay as error:
            raise Rejected(str(error)) from error

    def _encoder(self, asked: Asked, *, streamed: bool) -> Encoder:
        identifier, question = f"response-{next(self._numbers)}", asked.question
        if streamed:
            return EventEncoder(
                identifier=identifier,
                model=question.model,
                question_tokens=question.tokens,
                alternatives=asked.alternatives,
            )
        return DocumentEncoder(
            identifier=identifier, model=question.model, question_tokens=question.tokens
        )

    def _as_gemini_fails(self, fault: Fault, model: str) -> Fault:
        """A blocked prompt is a 200 without candidates; a hint of its own is in the body."""
        match fault:
            case faults.ProviderError(error=ErrorKind.CONTENT_FILTER):
                return faults.StreamError(error=ErrorKind.CONTENT_FILTER)
            case faults.ProviderError(retry_after=float(seconds), form=HintForm.RESET):
                status, body = self._errors.of_kind(fault.error, model=model)
            case faults.Status(body=None, retry_after=float(seconds), form=HintForm.RESET):
                status, body = fault.status, self._errors.of_status(fault.status, model=model)
            case _:
                return fault
        told = delayed(body, seconds).decode()
        return faults.Status(status=status, body=told, headers=fault.headers)


def _is_streamed(request: web.Request, method: str) -> bool:
    if method == _STREAM and request.query.get("alt") == "sse":
        return True
    if method != _UNARY:
        raise Rejected(f"There is no method {method} here.", status=404)
    return False
