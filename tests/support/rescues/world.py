"""Runs a case: a router of the real parts, one streamed question, and what its reader has."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random

import structlog
from remembered import remembering

from failsoft_kit.clock import LoopClock
from failsoft_kit.deadline import Deadline
from failsoft_kit.telemetry import Meter, Tracer
from failsoft_kit.testing import virtual_time
from failsoft_model.chat import (
    ChatRequest,
    Message,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Text,
    Tool,
)
from failsoft_model.events import BlockKind, Delta, Event, Finished, Started, StreamReset
from failsoft_router.app.hops.supervisor import Supervisor
from failsoft_router.app.hops.surroundings import Caller, Surroundings
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.boards import Boards
from failsoft_router.app.targets.connections import Connections
from failsoft_router.app.targets.ledger import Ledger
from failsoft_router.app.telling.metrics import Metrics
from failsoft_router.app.walks.walker import Walker
from failsoft_router.core.errors import StreamBroken, WalkError
from failsoft_router.core.policy import Policy, RoutePolicy, TargetPolicy
from rescues.cases import Case, draw_case
from rescues.targets import PlayedTarget, policy_of

SCHEMA = '{"type":"object","properties":{"items":{"type":"array"},"n":{"type":"integer"}}}'


def broken(seeds: Sequence[int]) -> Sequence[tuple[str, str]]:
    """The cases of these seeds that broke a promise: the case, and the first promise."""

    async def run() -> list[tuple[str, str]]:
        found = []
        for seed in seeds:
            case = draw_case(seed)
            problem = next(await _World(case).problems(), None)
            if problem is not None:
                found.append((case.name, problem))
        return found

    with structlog.testing.capture_logs():
        return virtual_time.run(run())


class _World:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._played: dict[str, PlayedTarget] = {}
        self._events: list[Event] = []

    async def problems(self) -> Iterator[str]:
        """What is wrong with what the reader was sent; none: the case kept every promise."""
        return self._judged(await self._ask())

    async def _ask(self) -> WalkError | None:
        """How the walk failed; None: it did not."""
        case, clock = self._case, LoopClock()
        names = [f"t{index}" for index in range(len(case.parts))]
        targets = {
            name: policy_of(name, part) for name, part in zip(names, case.parts, strict=True)
        }
        route = RoutePolicy(name="chat", hops=tuple(names), default=True, cache=None)

        def open_(policy: TargetPolicy) -> tuple[PlayedTarget, None]:
            part = case.parts[names.index(policy.name)]
            played = PlayedTarget(policy, part, case.told, seed=f"{case.seed} {policy.name}")
            self._played[policy.name] = played
            return played, None

        make = partial(Board, connections=Connections(open_), ledger=Ledger(), clock=clock)
        boards = Boards(Policy(targets=targets, routes={"chat": route}), make=make)
        tracer, supervisor = Tracer(clock=clock), Supervisor()
        walker = Walker(
            Surroundings(
                boards=boards,
                supervisor=supervisor,
                cache=None,
                tracer=tracer,
                metrics=Metrics(Meter(clock=clock), clock=clock),
                clock=clock,
                draw=Random(case.seed).random,
                new_id=lambda: "walk",
                explanations=remembering(clock),
            )
        )
        caller = Caller(
            tenant="acme",
            deadline=Deadline.after(None, now=clock.now()),
            span=tracer.start("caller"),
        )
        failure: WalkError | None = None
        async with supervisor.owning():
            # A task group would wrap what is raised in it.
            try:
                await walker.stream(
                    self._question(), caller, self._take, sees_resets=case.sees_resets
                )
            except WalkError as error:
                failure = error
        return failure

    def _question(self) -> ChatRequest:
        told = self._case.told
        form = ResponseFormat()
        if told.is_json:
            form = ResponseFormat(
                kind=ResponseFormatKind.JSON_SCHEMA, name="answer", schema_json=SCHEMA
            )
        return ChatRequest(
            model="chat",
            messages=(Message(role=Role.USER, parts=(Text(text="Tell me, please."),)),),
            tools=(Tool(name="look_up"),) if told.calls else (),
            response_format=form,
            request_id="r",
        )

    async def _take(self, event: Event) -> None:
        self._events.append(event)

    def _judged(self, error: WalkError | None) -> Iterator[str]:
        told, held = self._case.told, _Held()
        yield from held.take_all(self._events)
        for name, played in self._played.items():
            yield from (f"{name} {what}" for what in played.wrong)
        finishes = sum(isinstance(event, Finished) for event in self._events)
        if not self._case.sees_resets and held.resets:
            yield "a reset was sent to who sees none"
        if error is not None:
            yield from self._judged_failure(error, held, finishes)
            return
        if finishes != 1 or not isinstance(self._events[-1], Finished):
            yield f"{finishes} finishes"
        if held.text != told.text:
            yield f"the text is {held.text!r}"
        if not told.is_json and not told.calls and held.voided:
            yield "text was voided that could be gone on with"
        calls = [(name, json.loads(arguments)) for name, arguments in held.calls]
        if calls != [(name, json.loads(arguments)) for name, arguments in told.calls]:
            yield f"the calls are {held.calls}"

    def _judged_failure(self, error: WalkError, held: "_Held", finishes: int) -> Iterator[str]:
        told = self._case.told
        one_piece = told.is_json or (held.calls and told.calls)
        if finishes:
            yield "it failed, and finished"
        if not isinstance(error, StreamBroken) or self._case.sees_resets or not one_piece:
            yield f"it failed: {error}"
        if not told.text.startswith(held.text):
            yield f"what is left is {held.text!r}"


class _Held:
    """What a reader who obeys resets holds, and whether the stream was a legal one."""

    def __init__(self) -> None:
        self._blocks: dict[int, tuple[BlockKind, str, str]] = {}
        self._last = 0
        self.resets = 0
        self.voided = 0
        """Resets that took text away."""

    def take_all(self, events: Sequence[Event]) -> Iterator[str]:
        """Read them; what is wrong with their order is told."""
        if not (events and isinstance(events[0], Started)):
            yield "it did not start"
        for event in events:
            match event:
                case Delta():
                    yield from self._take(event)
                case StreamReset(from_block=first):
                    self.resets += 1
                    self.voided += first == 0 and bool(self.text.strip())
                    self._last = min(self._last, first)
                    self._blocks = {n: block for n, block in self._blocks.items() if n < first}
                case _:
                    pass

    def _take(self, delta: Delta) -> Iterator[str]:
        if delta.block < self._last:
            yield "a block went on after a later one had begun"
        if delta.kind is BlockKind.REASONING and self.text:
            yield "reasoning was told behind text"
        self._last = delta.block
        kind, text, name = self._blocks.get(delta.block, (delta.kind, "", ""))
        if kind is not delta.kind:
            yield "a block changed its kind"
        self._blocks[delta.block] = (kind, text + delta.text, name + delta.tool_name)

    @property
    def text(self) -> str:
        return "".join(text for kind, text, _ in self._blocks.values() if kind is BlockKind.TEXT)

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [
            (name, text)
            for kind, text, name in self._blocks.values()
            if kind is BlockKind.TOOL_CALL
        ]
