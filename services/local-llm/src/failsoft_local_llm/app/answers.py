"""Answers requests with the engine: what is asked, what it is told, what comes of it."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.core.admission import Admission, no_room
from failsoft_local_llm.core.answer import AnswerText
from failsoft_local_llm.core.blocks import Blocks
from failsoft_local_llm.core.capability import missing
from failsoft_local_llm.core.decoding import decoding
from failsoft_local_llm.core.errors import (
    ContextLengthExceeded,
    ModelNotFound,
    Unsupported,
    form_refused,
)
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.core.served import ServedModel
from failsoft_local_llm.ports import (
    Chunk,
    Engine,
    EngineDied,
    EngineRefused,
    FormRefused,
    Template,
)
from failsoft_model.chat import ChatRequest, Message, Role, Tool, ToolChoiceMode
from failsoft_model.events import Answer, Choice, Delta, Finished, Started
from failsoft_model.walk import FinishReason, Usage


@dataclass(slots=True)
class _Progress:
    """What an answer has come to so far."""

    text: AnswerText
    blocks: Blocks = field(default_factory=Blocks)
    output_tokens: int = 0
    cached_tokens: int = 0
    finish: FinishReason | None = None

    def feed(self, chunk: Chunk) -> Iterator[Delta]:
        """What the caller gets of this chunk; behind a stop string nothing counts any more."""
        self.output_tokens += chunk.tokens
        self.cached_tokens += chunk.cached_tokens
        self.finish = chunk.finish
        if piece := _piece(self.text, chunk):
            yield self.blocks.text(piece)
        if self.text.stopped:
            self.finish = FinishReason.STOP
            return
        yield from map(self.blocks.call, chunk.calls)
        if self.finish is FinishReason.STOP and self.blocks.calls_tools:
            self.finish = FinishReason.TOOL_CALLS


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
        self, request: ChatRequest, caller: Caller
    ) -> AsyncGenerator[Started | Delta | Finished, None]:
        """The events of one answer; closing the generator cancels it in the engine.

        Raises:
            ModelNotFound: the request names another model.
            Unsupported: it asks for what this model cannot do.
            ContextLengthExceeded: it leaves no room for an answer.
            Overloaded: too many requests wait already, or the engine has no memory for it.
            EngineUnavailable: the model is loading, or its engine died, if only just now.
        """
        progress = _Progress(AnswerText(request.sampling.stop))
        with self._admission.place(self._host.load()):
            async with aclosing(self._answered(request, caller, progress)) as events:
                async for event in events:
                    yield event

    async def whole(self, request: ChatRequest, caller: Caller) -> Answer:
        """One answer, whole. Raises what `stream` raises."""
        progress = _Progress(AnswerText(request.sampling.stop))
        with self._admission.place(self._host.load()):
            async with aclosing(self._answered(request, caller, progress)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        message = Message(role=Role.ASSISTANT, parts=progress.blocks.parts())
                        return Answer(choice=Choice(message=message), finished=event)
        raise AssertionError("a stream of events ends with Finished")

    async def count_tokens(self, request: ChatRequest) -> int:
        """Tokens of the request, the template's own included. Raises what `stream` raises, but
        never for the length."""
        try:
            _, prompt = await self._tokenized(request)
        except EngineDied as died:
            raise self._host.unavailable(str(died)) from died
        return len(prompt)

    async def _answered(
        self, request: ChatRequest, caller: Caller, progress: _Progress
    ) -> AsyncGenerator[Started | Delta | Finished, None]:
        name = request.model or self._model.name
        try:
            engine, prompt = await self._prepared(request)
            yield Started(walk_id="", route=name, request_id=request.request_id, load=engine.load())
            order = self._order(request, prompt, caller)
            async with aclosing(engine.generate(order)) as chunks:
                async for chunk in chunks:
                    for delta in progress.feed(chunk):
                        yield delta
                    if progress.finish is not None:
                        break
            if progress.finish is None:
                raise EngineDied("the engine ended an answer without saying why")
        except EngineDied as died:
            raise self._host.unavailable(str(died)) from died
        except EngineRefused as refused:
            raise no_room("the engine did not take the request") from refused
        except FormRefused as refused:
            raise form_refused(request) from refused
        yield Finished(
            finish_reason=progress.finish,
            served_by=name,
            model=name,
            usage=Usage(
                input_tokens=len(prompt),
                output_tokens=progress.output_tokens,
                cached_input_tokens=progress.cached_tokens,
            ),
            load=self._host.load(),
            trace_id=caller.trace_id,
            route=name,
            request_id=request.request_id,
        )

    async def _prepared(self, request: ChatRequest) -> tuple[Engine, Sequence[int]]:
        """The engine, and a prompt that leaves it room for an answer."""
        engine, prompt = await self._tokenized(request)
        if len(prompt) >= self._model.context_tokens:
            allowed = self._model.context_tokens - 1
            raise ContextLengthExceeded.of(tokens=len(prompt), allowed=allowed)
        return engine, prompt

    async def _tokenized(self, request: ChatRequest) -> tuple[Engine, Sequence[int]]:
        self._check(request)
        prompt = self._template.prompt(
            request.messages, continue_from=request.continue_from, tools=_callable(request)
        )
        engine = self._host.engine()
        return engine, await engine.tokenize(prompt)

    def _check(self, request: ChatRequest) -> None:
        if request.model not in ("", *self._model.names):
            raise ModelNotFound(f"this service serves {', '.join(self._model.names)} only")
        if violations := missing(request, self._model.capabilities):
            first = f"{violations[0].field}: {violations[0].description}"
            raise Unsupported(first, violations=violations)

    def _order(self, request: ChatRequest, prompt: Sequence[int], caller: Caller) -> Order:
        return Order(
            prompt=prompt,
            decoding=decoding(
                request.sampling,
                room=self._model.context_tokens - len(prompt),
                defaults=self._model.defaults,
                response_format=request.response_format,
            ),
            caller=caller,
            criticality=request.criticality,
            adapter=request.model if request.model in self._model.adapters else "",
            tools=_callable(request),
            tool_choice=request.tool_choice,
        )


def _callable(request: ChatRequest) -> tuple[Tool, ...]:
    """The tools that the answer may call."""
    return () if request.tool_choice.mode is ToolChoiceMode.NONE else request.tools


def _piece(text: AnswerText, chunk: Chunk) -> str:
    """The text that is certain after this chunk; with the last one, all that is left."""
    piece = text.feed(chunk.data)
    return piece if chunk.finish is None else piece + text.finish()
