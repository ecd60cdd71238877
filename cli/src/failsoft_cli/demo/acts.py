"""The acts. Each asserts what it shows; bounds of time are such that a slow machine keeps them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from failsoft.inference.v1 import walk_pb2
from failsoft_cli.demo.stage import Answer, Stage, Unexpected
from failsoft_cli.render import seconds, words
from failsoft_cli.supervisor.services import LOCAL_LLM
from failsoft_client import word

CLOUD = "cloud"
LOCAL = "local-llama"

FIRST_CONTENT = 1.0
"""The limit in demo.yaml."""
FRESH_FOR = 5.0
"""In demo.yaml: how long a stored answer may be given without asking anybody."""

_CALLS_UNTIL_OPEN = 4
_STILL_ONE_SECOND = 0.9
_AT_NO_COST = FIRST_CONTENT / 2

_FRANCE = "What is the capital of France?"
_ITALY = "What is the capital of Italy?"
_OTHERS = ("Germany", "Spain", "Japan", "Egypt")
_NEVER_ANSWERED = "What is the capital of Portugal?"
_AGAIN_WELL = "What is the capital of Norway?"


@dataclass(slots=True)
class Memory:
    """What later acts need of earlier ones."""

    first: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act.

    Attributes:
        story: What the audience is told before.
    """

    title: str
    story: str
    play: Callable[[Stage, Memory], Awaitable[None]]


async def _the_cloud_answers(stage: Stage, memory: Memory) -> None:
    answer = await stage.ask(_FRANCE)
    memory.first = answer
    _expect_served(stage, answer, by=CLOUD, degradation="NONE")
    _expect_outcome(stage, answer, CLOUD, walk_pb2.HOP_OUTCOME_SERVED)


async def _the_cache_answers(stage: Stage, memory: Memory) -> None:
    answer = await stage.ask(_FRANCE)
    _expect_served(stage, answer, by="cache", degradation="NONE")
    _expect_cache(stage, answer, "HIT_FRESH")
    age = answer.reply.cache_age
    stage.expect(
        f"an age of less than {FRESH_FOR:g} s",
        holds=age is not None and age < FRESH_FOR,
        seen=_in_seconds(age),
    )
    stage.expect("nobody asked", holds=not answer.reply.hops, seen=f"{len(answer.reply.hops)} hops")


async def _the_cloud_fails(stage: Stage, memory: Memory) -> None:
    await stage.cloud.fail("status=503")
    answer = await stage.ask(_ITALY)
    _expect_served(stage, answer, by=LOCAL, degradation="FALLBACK_TARGET")
    _expect_error(stage, answer, walk_pb2.ERROR_CLASS_TRANSIENT)
    hop = answer.hop(CLOUD)
    stage.expect(
        "the cloud's answer HTTP 503",
        holds=[each.http_status for each in hop.attempts] == [503],
        seen=", ".join(f"HTTP {each.http_status}" for each in hop.attempts),
    )
    _expect_real_answer(stage, answer, containing="Rome")


async def _the_cloud_hangs(stage: Stage, memory: Memory) -> None:
    await stage.cloud.fail("hang")
    for number, country in enumerate(_OTHERS[:_CALLS_UNTIL_OPEN], start=1):
        answer = await stage.ask(f"What is the capital of {country}?")
        _expect_served(stage, answer, by=LOCAL, degradation="FALLBACK_TARGET")
        hop = answer.hop(CLOUD)
        if hop.outcome == walk_pb2.HOP_OUTCOME_SKIPPED and number > 1:
            _expect_skipped_at_no_cost(stage, answer)
            return
        if hop.outcome == walk_pb2.HOP_OUTCOME_PROBING and number > 1:
            await _expect_not_waited_for(stage, answer)
            continue
        _expect_error(stage, answer, walk_pb2.ERROR_CLASS_TIMEOUT_FIRST_CONTENT)
        latency = seconds(hop.latency)
        stage.expect(
            f"the cloud's hop ended by the limit of {FIRST_CONTENT:g} s",
            holds=_STILL_ONE_SECOND <= latency < 3 * FIRST_CONTENT,
            seen=_in_seconds(latency),
        )
    raise Unexpected(f"expected an open breaker after {_CALLS_UNTIL_OPEN} calls, but it is closed")


async def _expect_not_waited_for(stage: Stage, answer: Answer) -> None:
    """The cloud is in doubt: the call to it runs on to its limit, and its caller does not."""
    latency = seconds(answer.hop(CLOUD).latency)
    stage.expect(
        "not waited for the cloud, which is in doubt",
        holds=latency < _AT_NO_COST,
        seen=_in_seconds(latency),
    )
    limit = stage.clock.now() + FIRST_CONTENT
    await stage.wait_until(limit, "the call to the cloud has not reached its limit")


async def _nobody_is_left(stage: Stage, memory: Memory) -> None:
    if memory.first is None:
        raise Unexpected("expected the first act to have been played")
    pid = stage.stack.keeper(LOCAL_LLM).pid
    await stage.stack.stop(LOCAL_LLM)
    stage.say(f"The process of local-llm ({pid}) has ended; the cloud still hangs.")
    end_of_freshness = memory.first.asked + memory.first.took + FRESH_FOR
    await stage.wait_until(end_of_freshness, "the first answer is still fresh")

    answer = await stage.ask(_FRANCE)
    _expect_served(stage, answer, by="cache", degradation="STALE_CACHE")
    _expect_cache(stage, answer, "HIT_STALE")
    age = answer.reply.cache_age
    stage.expect(
        f"an age of {FRESH_FOR:g} s at least",
        holds=age is not None and age >= FRESH_FOR,
        seen=_in_seconds(age),
    )
    _expect_outcome(stage, answer, LOCAL, walk_pb2.HOP_OUTCOME_FAILED)
    stage.expect(
        "the same words as in the first act",
        holds=answer.reply.text == memory.first.reply.text,
        seen="the same words" if answer.reply.text == memory.first.reply.text else "others",
    )
    await stage.pause()

    answer = await stage.ask(_NEVER_ANSWERED)
    _expect_served(stage, answer, by="mock", degradation="MOCK")
    _expect_outcome(stage, answer, "cache", walk_pb2.HOP_OUTCOME_SKIPPED)


async def _all_is_well_again(stage: Stage, memory: Memory) -> None:
    await stage.cloud.heal()
    stage.stack.start(LOCAL_LLM)
    with stage.out.status("local-llm loads its model"):
        await stage.stack.until_settled()
    stage.expect(
        "local-llm ready",
        holds=not stage.stack.given_up,
        seen=stage.stack.keeper(LOCAL_LLM).condition.value,
    )
    await stage.until_due(CLOUD)
    answer = await stage.ask(_AGAIN_WELL)
    _expect_served(stage, answer, by=CLOUD, degradation="NONE")


ACTS: Sequence[Act] = (
    Act(
        title="All is well",
        story="The cloud answers, here played by a look-alike that fails on command.",
        play=_the_cloud_answers,
    ),
    Act(
        title="The same question again",
        story="Whoever asks at temperature 0 wants the same answer twice: it is in the cache.",
        play=_the_cache_answers,
    ),
    Act(
        title="The cloud fails",
        story="It says 503 to everybody. The walk goes on to the model on this machine.",
        play=_the_cloud_fails,
    ),
    Act(
        title="The cloud hangs",
        story="It takes requests and says nothing. The limit for the first content fires, the"
        " answer still comes; after a few such calls nobody waits for the cloud any more.",
        play=_the_cloud_hangs,
    ),
    Act(
        title="Nobody is left",
        story="Now the model on this machine is stopped, too.",
        play=_nobody_is_left,
    ),
    Act(
        title="All is well again",
        story="The cloud is healed and the model is started again.",
        play=_all_is_well_again,
    ),
)


def _expect_served(stage: Stage, answer: Answer, *, by: str, degradation: str) -> None:
    reply = answer.reply
    stage.expect(f"served by {by}", holds=reply.served_by == by, seen=reply.served_by)
    stage.expect(
        f"degradation {degradation}",
        holds=reply.degradation == degradation,
        seen=reply.degradation,
    )


def _expect_cache(stage: Stage, answer: Answer, status: str) -> None:
    seen = answer.reply.cache_status
    stage.expect(f"the cache's word {status}", holds=seen == status, seen=seen)


def _expect_outcome(
    stage: Stage, answer: Answer, target: str, outcome: walk_pb2.HopOutcome.ValueType
) -> None:
    expected, seen = _outcome(outcome), _outcome(answer.hop(target).outcome)
    stage.expect(f"the hop of {target} {expected}", holds=seen == expected, seen=seen)


def _expect_error(stage: Stage, answer: Answer, error_class: walk_pb2.ErrorClass.ValueType) -> None:
    expected, seen = _error(error_class), _error(answer.hop(CLOUD).error_class)
    stage.expect(f"the cloud's hop failed: {expected}", holds=seen == expected, seen=seen)


def _expect_skipped_at_no_cost(stage: Stage, answer: Answer) -> None:
    hop = answer.hop(CLOUD)
    reason = words(word(walk_pb2.SkipReason.DESCRIPTOR, hop.skip_reason))
    stage.expect(
        "the cloud's hop skipped: circuit open",
        holds=hop.skip_reason == walk_pb2.SKIP_REASON_CIRCUIT_OPEN,
        seen=reason,
    )
    began = seconds(answer.hop(LOCAL).started)
    stage.expect(
        f"the next hop begun within {_AT_NO_COST:g} s",
        holds=began < _AT_NO_COST,
        seen=_in_seconds(began),
    )


def _expect_real_answer(stage: Stage, answer: Answer, *, containing: str) -> None:
    reply = answer.reply
    stage.expect(
        f"an answer with the word {containing}", holds=containing in reply.text, seen=reply.text
    )
    stage.expect("more than one piece", holds=answer.pieces > 1, seen=f"{answer.pieces} pieces")
    tokens = reply.usage.output_tokens
    stage.expect("tokens of a real model", holds=tokens > 0, seen=f"{tokens} of them")


def _outcome(number: walk_pb2.HopOutcome.ValueType) -> str:
    return words(word(walk_pb2.HopOutcome.DESCRIPTOR, number))


def _error(number: walk_pb2.ErrorClass.ValueType) -> str:
    return words(word(walk_pb2.ErrorClass.DESCRIPTOR, number))


def _in_seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f} s"
