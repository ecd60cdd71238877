"""Answers requests with the engine: what is asked, what it is told, what comes of it."""

from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry import Meter
from failsoft_local_llm.app.counting import Counting
from failsoft_local_llm.app.entrance import Entrance, Place
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.app.life import Serving
from failsoft_local_llm.app.metrics import watch_load
from failsoft_local_llm.app.request_metrics import RequestMetrics
from failsoft_local_llm.core.admission.guess import guessed_work
from failsoft_local_llm.core.admission.ticket import Claim, Work
from failsoft_local_llm.core.answer import AnswerText
from failsoft_local_llm.core.blocks import Blocks
from failsoft_local_llm.core.capability import missing
from failsoft_local_llm.core.decoding import Defaults, decoding
from failsoft_local_llm.core.errors import (
    ContextLengthExceeded,
    ModelNotFound,
    Unsupported,
    form_refused,
    no_room,
    tokens_unknown,
    told_and_called,
)
from failsoft_local_llm.core.forms import check_forms
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.core.status import Status
from failsoft_local_llm.core.tokens import ToldTokens
from failsoft_local_llm.ports import (
    Chunk,
    EngineDied,
    EngineRefused,
    FormRefused,
    TokenUnknown,
)
from failsoft_model.chat import ChatRequest, Message, Role
from failsoft_model.events import Answer, Choice, Delta, Finished, Started
from failsoft_model.walk import Capability, FinishReason, Load, Usage


@dataclass(slots=True)
class _Progress:
    """What an answer has come to so far."""

    text: AnswerText
    tokens: ToldTokens | None
    """None: nobody wants to be told of them."""
    blocks: Blocks = field(default_factory=Blocks)
    output_tokens: int = 0
    cached_tokens: int = 0
    finish: FinishReason | None = None

    def feed(self, chunk: Chunk) -> Iterator[Delta]:
        """What the caller gets of this chunk; behind a stop string nothing counts any more."""
        self.output_tokens += chunk.tokens
        self.cached_tokens += chunk.cached_tokens
        self.finish = chunk.finish
        if self.tokens is not None:
            self.tokens.feed(chunk.logprobs)
        if piece := _piece(self.text, chunk):
            yield self.blocks.text(piece, () if self.tokens is None else self.tokens.of(piece))
        if self.text.stopped:
            self.finish = FinishReason.STOP
            return
        yield from map(self.blocks.call, chunk.calls)
        if self.finish is FinishReason.STOP and self.blocks.calls_tools:
            self.finish = FinishReason.TOOL_CALLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What may be asked for now, and how that is."""

    names: Sequence[str]
    """Sorted; the model that was configured, and the adapters of the one that serves."""
    context_tokens: int
    """Tokens of conversation and answer together; 0: not known yet."""
    capabilities: frozenset[Capability]
    status: Status
    load: Load
    tokens_per_second: float
    """Of all answers together, lately."""


class Answers:
    """The model of this process, asked in the words of the contract."""

    def __init__(
        self,
        *,
        host: EngineHost,
        entrance: Entrance,
        defaults: Defaults,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._host = host
        self._entrance = entrance
        self._defaults = defaults
        self._counting = Counting()
        self._metrics = RequestMetrics(meter, clock=clock, candidates=host.candidates)
        watch_load(meter, self.load)

    @property
    def default_model(self) -> str:
        """What is asked for by those who name no model."""
        return self._host.best.name

    def offered(self) -> Offered:
        """What may be asked for now, and how that is."""
        model = self._host.known
        adapters = () if model is None else model.adapters
        return Offered(
            names=sorted({self.default_model, *adapters}),
            context_tokens=0 if model is None else model.context_tokens,
            capabilities=frozenset() if model is None else model.capabilities,
            status=self._host.status(),
            load=self.load(),
            tokens_per_second=self._entrance.tokens_per_second(),
        )

    def load(self) -> Load:
        """How busy the engine is, and those who wait for it."""
        return self._entrance.load(self._host.load())

    async def stream(
        self, request: ChatRequest, caller: Caller
    ) -> AsyncGenerator[Started | Delta | Finished, None]:
        """The events of one answer; closing the generator cancels it in the engine.

        Raises:
            ModelNotFound: the request names another model.
            Unsupported: it asks for what this model cannot do.
            ContextLengthExceeded: it leaves no room for an answer.
            Overloaded: it cannot be answered in time, too many wait already, who matters more
                came while it waited, or the engine has no memory for it.
            EngineUnavailable: the model is loading, or its engine died, if only just now.
        """
        progress = _progress(request)
        async with aclosing(self._answered(request, caller, progress)) as events:
            async for event in events:
                yield event

    async def whole(self, request: ChatRequest, caller: Caller) -> Answer:
        """One answer, whole. Raises what `stream` raises."""
        progress = _progress(request)
        async with aclosing(self._answered(request, caller, progress)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    message = Message(role=Role.ASSISTANT, parts=progress.blocks.parts())
                    choice = Choice(message=message, logprobs=progress.blocks.logprobs())
                    return Answer(choice=choice, finished=event)
        raise AssertionError("a stream of events ends with Finished")

    async def count_tokens(self, request: ChatRequest, caller: Caller) -> int:
        """Tokens of the request, the template's own included; many who ask wait for each other.

        Raises what `stream` raises, but never for the length or an overload.
        """
        check_name(request, self._host.names)
        async with self._counting.turn(caller.tenant):
            serving = await self._host.awake(until=caller.deadline_at)
            self._check(request, serving)
            try:
                return len(await _tokenized(request, serving))
            except EngineDied as died:
                raise self._host.unavailable(str(died)) from died

    async def _answered(
        self, request: ChatRequest, caller: Caller, progress: _Progress
    ) -> AsyncGenerator[Started | Delta | Finished, None]:
        check_name(request, self._host.names)
        claim = self._claim(request, caller)
        with self._metrics.request() as measured:
            with (
                self._in_callers_words(request),
                self._entrance.place(claim, engine=self._host.load()) as place,
            ):
                serving, order = await self._turn(request, caller, place)
                name = request.model or self.default_model
                answered_by = order.adapter or serving.opened.model.name
                yield Started(
                    walk_id="", route=name, request_id=request.request_id, load=self.load()
                )
                measured.asked(
                    engine=serving.candidate.engine,
                    model=answered_by,
                    prompt_tokens=len(order.prompt),
                )
                async with aclosing(serving.engine.generate(order)) as chunks:
                    async for chunk in chunks:
                        self._entrance.generated(place, chunk.tokens)
                        measured.generated(chunk)
                        for delta in progress.feed(chunk):
                            yield delta
                        if progress.finish is not None:
                            break
            if progress.finish is None:
                raise self._host.unavailable("the engine ended an answer without saying why")
            measured.whole = True
            yield Finished(
                finish_reason=progress.finish,
                served_by=answered_by,
                model=answered_by,
                degradation=serving.degradation,
                usage=Usage(
                    input_tokens=len(order.prompt),
                    output_tokens=progress.output_tokens,
                    cached_input_tokens=progress.cached_tokens,
                ),
                load=self.load(),
                trace_id=caller.trace_id,
                route=name,
                request_id=request.request_id,
            )

    def _claim(self, request: ChatRequest, caller: Caller) -> Claim:
        """What the request will ask of the model, as far as it is known before it was tokenised."""
        model = self._host.known
        return Claim(
            tenant=caller.tenant,
            criticality=request.criticality,
            work=guessed_work(
                request,
                defaults=self._defaults,
                context_tokens=None if model is None else model.context_tokens,
            ),
            deadline_at=caller.deadline_at,
        )

    @contextmanager
    def _in_callers_words(self, request: ChatRequest) -> Iterator[None]:
        """What an engine raises about that request, as its caller gets it."""
        try:
            yield
        except EngineDied as died:
            raise self._host.unavailable(str(died)) from died
        except EngineRefused as refused:
            raise no_room(retry_after=self._entrance.retry_after()) from refused
        except FormRefused as refused:
            raise form_refused(request) from refused
        except TokenUnknown as unknown:
            raise tokens_unknown() from unknown

    async def _turn(
        self, request: ChatRequest, caller: Caller, place: Place
    ) -> tuple[Serving, Order]:
        """The model that answers, and what it is asked, when it is the request's turn.

        Raises EngineDied besides.
        """
        while True:
            serving = await self._host.awake(until=caller.deadline_at)
            self._check(request, serving)
            order = await _ordered(request, serving, caller)
            work = Work(prompt=len(order.prompt), output=order.decoding.max_tokens)
            await self._entrance.turn(place, work)
            if self._host.serving() is serving:
                return serving, order

    def _check(self, request: ChatRequest, serving: Serving) -> None:
        """Whether the model that serves now may and can answer that."""
        model = serving.opened.model
        if serving.degradation in request.refused_degradations:
            raise self._host.unavailable("another model than the best is served, which was refused")
        if request.model not in ("", *self._host.models, *model.adapters):
            raise self._host.unavailable("the model that this adapter changes is not served now")
        if violations := missing(request, model.capabilities):
            first = f"{violations[0].field}: {violations[0].description}"
            raise Unsupported(first, violations=violations)
        if request.sampling.logprobs and request.callable_tools:
            raise told_and_called()
        check_forms(request)


def check_name(request: ChatRequest, names: Collection[str]) -> None:
    """Raises ModelNotFound: the request names none of them."""
    if request.model and request.model not in names:
        raise ModelNotFound(f"this service serves {', '.join(sorted(names))} only")


async def _ordered(request: ChatRequest, serving: Serving, caller: Caller) -> Order:
    """What the engine is asked. Raises ContextLengthExceeded and EngineDied."""
    model, prompt = serving.opened.model, await _tokenized(request, serving)
    if len(prompt) >= model.context_tokens:
        raise ContextLengthExceeded.of(tokens=len(prompt), allowed=model.context_tokens - 1)
    return Order(
        prompt=prompt,
        decoding=decoding(
            request.sampling,
            room=model.context_tokens - len(prompt),
            defaults=model.defaults,
            response_format=request.response_format,
        ),
        caller=caller,
        criticality=request.criticality,
        adapter=request.model if request.model in model.adapters else "",
        tools=request.callable_tools,
        tool_choice=request.tool_choice,
    )


async def _tokenized(request: ChatRequest, serving: Serving) -> Sequence[int]:
    prompt = serving.opened.template.prompt(
        request.messages, continue_from=request.continue_from, tools=request.callable_tools
    )
    return await serving.engine.tokenize(prompt)


def _progress(request: ChatRequest) -> _Progress:
    """Nothing of its answer so far."""
    sampling = request.sampling
    return _Progress(AnswerText(sampling.stop), ToldTokens() if sampling.logprobs else None)


def _piece(text: AnswerText, chunk: Chunk) -> str:
    """The text that is certain after this chunk; with the last one, all that is left."""
    piece = text.feed(chunk.data)
    return piece if chunk.finish is None else piece + text.finish()
