"""Answers requests with the engine: what is asked, what it is told, what comes of it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.core.admission import Admission, no_room
from failsoft_local_llm.core.answer import AnswerText
from failsoft_local_llm.core.capability import missing
from failsoft_local_llm.core.decoding import decoding
from failsoft_local_llm.core.errors import ContextLengthExceeded, ModelNotFound, Unsupported
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import Chunk, Engine, EngineDied, EngineRefused, Template
from failsoft_model.chat import ChatRequest, Message, Role, Text
from failsoft_model.events import Answer, Choice, Delta, Finished, Started
from failsoft_model.walk import FinishReason, Usage


class Answers:
    """The one model of this process, asked in the words of the contract."""

    def __init__(
        self, *, model: ServedModel, template: Template, host: EngineHost, admission: Admission
    ) -> None:
        self._model = model
        self._template = template
        self._host = host
        self._admission = admission

    @property
    def model(self) -> ServedModel:
        """What is served."""
        return self._model

    async def stream(
        self, request: ChatRequest, *, trace_id: str
    ) -> AsyncGenerator[Started | Delta | Finished, None]:
        """The events of one answer; closing the generator cancels it in the engine.

        Raises:
            ModelNotFound: the request names another model.
            Unsupported: it asks for what this model cannot do.
            ContextLengthExceeded: it leaves no room for an answer.
            Overloaded: too many requests wait already, or the engine has no memory for it.
            EngineUnavailable: the model is loading, or its engine died, if only just now.
        """
        with self._admission.place(self._host.load()):
            async with aclosing(self._answered(request, trace_id=trace_id)) as events:
                async for event in events:
                    yield event

    async def _answered(
        self, request: ChatRequest, *, trace_id: str
    ) -> AsyncGenerator[Started | Delta | Finished, None]:
        try:
            engine, prompt = await self._prepared(request)
            yield Started(
                walk_id="",
                route=self._model.name,
                request_id=request.request_id,
                load=engine.load(),
            )
            text, output_tokens = AnswerText(request.sampling.stop), 0
            finish: FinishReason | None = None
            async with aclosing(self._chunks(engine, prompt, request)) as chunks:
                async for chunk in chunks:
                    output_tokens += chunk.tokens
                    if piece := _piece(text, chunk):
                        yield Delta(text=piece)
                    finish = FinishReason.STOP if text.stopped else chunk.finish
                    if finish is not None:
                        break
            if finish is None:
                raise EngineDied("the engine ended an answer without saying why")
        except EngineDied as died:
            raise self._host.unavailable(str(died)) from died
        except EngineRefused as refused:
            raise no_room("the engine did not take the request") from refused
        yield Finished(
            finish_reason=finish,
            served_by=self._model.name,
            model=self._model.name,
            usage=Usage(input_tokens=len(prompt), output_tokens=output_tokens),
            load=self._host.load(),
            trace_id=trace_id,
            route=self._model.name,
            request_id=request.request_id,
        )

    async def whole(self, request: ChatRequest, *, trace_id: str) -> Answer:
        """One answer, whole. Raises what `stream` raises."""
        pieces: list[str] = []
        async with aclosing(self.stream(request, trace_id=trace_id)) as events:
            async for event in events:
                match event:
                    case Delta(text=piece):
                        pieces.append(piece)
                    case Finished() as finished:
                        return Answer(choice=_choice("".join(pieces)), finished=finished)
                    case Started():
                        pass
        raise AssertionError("a stream of events ends with Finished")

    async def count_tokens(self, request: ChatRequest) -> int:
        """Tokens of the request, the template's own included. Raises what `stream` raises, but
        never for the length."""
        try:
            _, prompt = await self._tokenized(request)
        except EngineDied as died:
            raise self._host.unavailable(str(died)) from died
        return len(prompt)

    async def _prepared(self, request: ChatRequest) -> tuple[Engine, Sequence[int]]:
        """The engine, and a prompt that leaves it room for an answer."""
        engine, prompt = await self._tokenized(request)
        if len(prompt) >= self._model.context_tokens:
            allowed = self._model.context_tokens - 1
            raise ContextLengthExceeded.of(tokens=len(prompt), allowed=allowed)
        return engine, prompt

    async def _tokenized(self, request: ChatRequest) -> tuple[Engine, Sequence[int]]:
        self._check(request)
        prompt = self._template.prompt(request.messages, continue_from=request.continue_from)
        engine = self._host.engine()
        return engine, await engine.tokenize(prompt)

    def _check(self, request: ChatRequest) -> None:
        if request.model not in ("", self._model.name):
            raise ModelNotFound(f"this service serves {self._model.name} only")
        if violations := missing(request, self._model.capabilities):
            first = f"{violations[0].field}: {violations[0].description}"
            raise Unsupported(first, violations=violations)

    def _chunks(
        self, engine: Engine, prompt: Sequence[int], request: ChatRequest
    ) -> AsyncGenerator[Chunk, None]:
        room = self._model.context_tokens - len(prompt)
        return engine.generate(
            prompt, decoding(request.sampling, room=room, defaults=self._model.defaults)
        )


def _piece(text: AnswerText, chunk: Chunk) -> str:
    """The text that is certain after this chunk; with the last one, all that is left."""
    piece = text.feed(chunk.data)
    return piece if chunk.finish is None else piece + text.finish()


def _choice(text: str) -> Choice:
    parts = (Text(text=text),) if text else ()
    return Choice(message=Message(role=Role.ASSISTANT, parts=parts))
