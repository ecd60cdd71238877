"""Answers requests with the engine: what is asked, what it is told, what comes of it."""

from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_kit.telemetry import Meter, Tracer
from failsoft_local_llm.app.counting import Counting
from failsoft_local_llm.app.entrance import Entrance, Place
from failsoft_local_llm.app.host import EngineHost
from failsoft_local_llm.app.life import Serving
from failsoft_local_llm.app.metrics import watch_load
from failsoft_local_llm.app.progress import Progress, progress
from failsoft_local_llm.app.reader import followed
from failsoft_local_llm.app.request_metrics import Measured, RequestMetrics
from failsoft_local_llm.app.stages import Stages, stages
from failsoft_local_llm.core.admission.guess import guessed_work
from failsoft_local_llm.core.admission.ticket import Claim, Work
from failsoft_local_llm.core.blocks import Gathered
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
from failsoft_local_llm.ports import (
    EngineDied,
    EngineRefused,
    FormRefused,
    TokenUnknown,
)
from failsoft_model.chat import ChatRequest, Message, Role
from failsoft_model.events import Answer, Choice, Delta, Finished, Started
from failsoft_model.walk import Capability, Load, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Who answers, and what it is asked."""

    serving: Serving
    order: Order

    @property
    def answered_by(self) -> str:
        """The model, or the adapter that changes it."""
        return self.order.adapter or self.serving.opened.model.name

    @property
    def compiles(self) -> bool:
        """Whether the engine has to compile a form for it."""
        return self.order.decoding.form is not None or bool(self.order.tools)


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
        tracer: Tracer,
    ) -> None:
        self._host = host
        self._entrance = entrance
        self._defaults = defaults
        self._tracer = tracer
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

    def stream(
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
            ReaderStalled: nobody takes the events any more; told to whoever closes the generator.
        """
        return followed(self._events(request, caller))

    async def whole(self, request: ChatRequest, caller: Caller) -> Answer:
        """One answer, whole. Raises what `stream` raises."""
        gathered = Gathered()
        async with aclosing(self._events(request, caller)) as events:
            async for event in events:
                if isinstance(event, Delta):
                    gathered.add(event)
                elif isinstance(event, Finished):
                    message = Message(role=Role.ASSISTANT, parts=gathered.parts())
                    choice = Choice(message=message, logprobs=gathered.logprobs())
                    return Answer(choice=choice, finished=event)
        raise AssertionError("a stream of events ends with Finished")

    async def count_tokens(self, request: ChatRequest, caller: Caller) -> int:
        """Tokens of the request, the template's own included; many who ask wait for each other.

        Raises what `stream` raises, but never for the length or an overload.
        """
        check_name(request, self._host.names)
        await self._host.awake(until=caller.deadline_at)  # whoever finds none needs no turn
        async with self._counting.turn(caller.tenant):
            serving = await self._host.awake(until=caller.deadline_at)
            self._check(request, serving)
            try:
                return len(await _tokenized(request, serving))
            except EngineDied as died:
                raise self._host.unavailable(str(died)) from died

    async def _events(
        self, request: ChatRequest, caller: Caller
    ) -> AsyncGenerator[Started | Delta | Finished, None]:
        check_name(request, self._host.names)
        so_far, last = progress(request.sampling), list[Delta]()
        with self._metrics.request() as measured:
            with (
                self._entrance.place(
                    self._claim(request, caller), engine=self._host.load()
                ) as place,
                stages(self._tracer, so_far) as stage,
                self._in_callers_words(request),
            ):
                asked = await self._turn(request, caller, place)
                yield Started(
                    walk_id="",
                    route=request.model or self.default_model,
                    request_id=request.request_id,
                    load=self.load(),
                )
                async with aclosing(_said(asked, place, measured, stage, so_far)) as said:
                    async for deltas in said:
                        if so_far.finish is not None:
                            last = deltas  # read by the caller when the place is another's
                            break
                        for delta in deltas:
                            yield delta
            for delta in last:
                yield delta
            finished = self._finished(request, caller, asked, so_far)
            measured.whole = True
            yield finished

    def _finished(
        self, request: ChatRequest, caller: Caller, asked: _Asked, came_to: Progress
    ) -> Finished:
        """The facts of an answer that is whole."""
        if came_to.finish is None:
            raise AssertionError("what the engine says ends with a reason")
        return Finished(
            finish_reason=came_to.finish,
            served_by=asked.answered_by,
            model=asked.answered_by,
            degradation=asked.serving.degradation,
            usage=Usage(
                input_tokens=len(asked.order.prompt),
                output_tokens=came_to.output_tokens,
                cached_input_tokens=came_to.cached_tokens,
            ),
            load=self.load(),
            trace_id=caller.trace_id,
            route=request.model or self.default_model,
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

    async def _turn(self, request: ChatRequest, caller: Caller, place: Place) -> _Asked:
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
                return _Asked(serving=serving, order=order)

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


async def _said(
    asked: _Asked, place: Place, measured: Measured, stage: Stages, so_far: Progress
) -> AsyncGenerator[list[Delta], None]:
    """What the caller gets of each thing that the engine says, until the answer has ended.

    Raises what `Engine.generate` raises, and EngineDied if it ends without a reason.
    """
    prompt_tokens = len(asked.order.prompt)
    measured.asked(
        engine=asked.serving.candidate.engine, model=asked.answered_by, prompt_tokens=prompt_tokens
    )
    place.begin(compiles=asked.compiles)
    stage.begin(asked.serving, model=asked.answered_by, prompt_tokens=prompt_tokens)
    async with aclosing(asked.serving.engine.generate(asked.order)) as chunks:
        async for chunk in chunks:
            deltas = so_far.feed(chunk)
            ended = so_far.finish is not None
            place.heard(chunk.tokens, last=ended)
            measured.count(chunk)
            stage.heard()
            yield deltas
            if ended:
                return
            place.wanted()
    raise EngineDied("the engine ended an answer without saying why")
