"""An answer whose target died half way is gone on with by the next one, and reads as one."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import (
    ChatRequest,
    Degradation,
    ResponseFormat,
    ResponseFormatKind,
    Role,
)
from failsoft_model.events import BlockKind, Delta, Finished, StreamReset
from failsoft_model.walk import (
    Capability,
    ErrorClass,
    FinishReason,
    HopOutcome,
    SkipReason,
    Usage,
)
from failsoft_router.core.breaker import State
from failsoft_router.core.errors import RouteExhausted, StreamBroken, WalkDeadlinePassed
from failsoft_router.core.going_on import PLEASE
from failsoft_router.core.language import Language
from failsoft_router.core.policy import BreakerPolicy, Limits, Provider
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Script, Stage, Step

    Question = Callable[..., ChatRequest]

DONE = Ending(finish_reason=FinishReason.STOP, model="m")
CALLED = Ending(finish_reason=FinishReason.TOOL_CALLS, model="m")
BUSY = AttemptFailed(ErrorClass.TRANSIENT, "the provider failed")
REFUSED = AttemptFailed(ErrorClass.CALLER_FAULT, "no such turn", http_status=400)
PREFILLED = {"provider": Provider.ANTHROPIC, "model": "claude-sonnet-4-5"}
EXACT = {
    "provider": Provider.FAILSOFT,
    "endpoint": "llm:50051",
    "capabilities": frozenset({Capability.CONTINUE}),
}
FOX = "The quick brown fox jumps over the lazy dog."


def read(events: Iterable[Event]) -> str:
    """The text as a reader that knows resets has it at the end, block by block."""
    blocks: dict[int, str] = {}
    for event in events:
        match event:
            case Delta(kind=BlockKind.TEXT, block=block):
                blocks[block] = blocks.get(block, "") + event.text
            case StreamReset(from_block=first):
                blocks = {block: text for block, text in blocks.items() if block < first}
    return "".join(blocks[block] for block in sorted(blocks))


def resets(events: Iterable[Event]) -> list[StreamReset]:
    return [event for event in events if isinstance(event, StreamReset)]


def finished(events: Iterable[Event]) -> Finished:
    (last,) = [event for event in events if isinstance(event, Finished)]
    return last


@virtual_time.test
async def test_the_next_target_goes_on_where_the_first_one_died(stage: type[Stage]) -> None:
    router = stage(a=("The quick ", "brown fox", BUSY), b=(" jumps over", " the lazy dog.", DONE))

    events = await router.stream()

    assert read(events) == FOX
    assert resets(events) == []
    last = finished(events)
    assert (last.served_by, last.degradation) == ("b", Degradation.FALLBACK_TARGET)
    assert [hop.outcome for hop in last.hops] == [HopOutcome.FAILED, HopOutcome.SERVED]
    assert len(last.hops[0].attempts) == 1


@virtual_time.test
async def test_each_target_is_asked_as_it_understands_it(
    stage: type[Stage], question: Question
) -> None:
    router = stage(
        a=("Es war einmal ", BUSY),
        b=(BUSY,),
        c=(BUSY,),
        d=("ein König.", DONE),
        targets={"b": EXACT, "c": PREFILLED},
    )

    await router.stream(question("Erzähle mir bitte ein Märchen.", max_tokens=100))

    exact, prefilled, instructed = (router.targets[name].calls[0].request for name in "bcd")
    assert exact.continue_from == "Es war einmal "
    assert prefilled.continue_from == "Es war einmal"
    assert instructed.continue_from == ""
    assert [(each.role, each.text) for each in instructed.messages[1:]] == [
        (Role.ASSISTANT, "Es war einmal"),
        (Role.USER, PLEASE[Language.GERMAN]),
    ]
    assert {each.sampling.max_tokens for each in (exact, prefilled, instructed)} == {96}


@pytest.mark.parametrize(
    "script",
    [
        (" jumps over the lazy dog.", DONE),
        (FOX, DONE),
        (*FOX, DONE),
        ("quick brown fox jumps over ", "the lazy dog.", DONE),
    ],
    ids=["goes on", "starts over", "starts over letter by letter", "repeats the last words"],
)
@virtual_time.test
async def test_nothing_is_said_twice(stage: type[Stage], script: Script) -> None:
    router = stage(a=("The quick brown fox", BUSY), b=script)

    assert read(await router.stream()) == FOX


@virtual_time.test
async def test_a_model_of_our_own_may_repeat_what_it_likes(stage: type[Stage]) -> None:
    router = stage(a=("la la ", BUSY), b=("la la ", "la.", DONE), targets={"b": EXACT})

    assert read(await router.stream()) == "la la la la la."


@virtual_time.test
async def test_another_answer_is_not_glued_to_the_first_one(stage: type[Stage]) -> None:
    """It is nobody's illness; the walk goes on to somebody who goes on."""
    touchy = {"breaker": BreakerPolicy(consecutive_failures=1)}
    router = stage(
        a=("The quick brown fox jumps over", BUSY),
        b=("The quick brown fox jumps ", "into the river.", DONE),
        c=(" the lazy dog.", DONE),
        targets={"b": touchy},
    )

    events = await router.stream()

    assert read(events) == FOX
    hop = finished(events).hops[1]
    assert (hop.outcome, hop.error_class) == (HopOutcome.FAILED, ErrorClass.UNSUPPORTED)
    assert router.board.place("b").gates.health.state is State.CLOSED


@virtual_time.test
async def test_an_answer_that_ends_within_what_was_said_is_another_one(
    stage: type[Stage],
) -> None:
    router = stage(
        a=("The quick brown fox jumps over", BUSY),
        b=("The quick brown fox jumps", DONE),
        c=(" the lazy dog.", DONE),
    )

    events = await router.stream()

    assert read(events) == FOX
    assert finished(events).served_by == "c"


@virtual_time.test
async def test_a_rescue_of_a_rescue_keeps_all_of_the_text(stage: type[Stage]) -> None:
    router = stage(
        a=("The quick ", BUSY),
        b=("brown fox ", BUSY),
        c=("The qu", BUSY),
        d=("jumps over the lazy dog.", DONE),
        targets=dict.fromkeys("bcd", PREFILLED),
    )

    events = await router.stream()

    assert read(events) == FOX
    assert router.targets["c"].calls[0].request.continue_from == "The quick brown fox"
    assert router.targets["d"].calls[0].request.continue_from == "The quick brown fox"
    assert len(finished(events).hops) == 4


@virtual_time.test
async def test_a_target_that_refuses_a_begun_turn_is_asked_without_it(stage: type[Stage]) -> None:
    router = stage(
        a=[("The quick brown", BUSY)],
        b=[(REFUSED,), (" fox.", DONE), (" fox.", DONE)],
        targets={"b": PREFILLED},
    )

    first = await router.stream()
    second = await router.stream()

    begun, asked, known = (call.request for call in router.targets["b"].calls)
    assert begun.continue_from == "The quick brown"
    assert asked.continue_from == known.continue_from == ""
    assert read(first) == read(second) == "The quick brown fox."
    hop = finished(first).hops[1]
    assert [attempt.error_class for attempt in hop.attempts] == [ErrorClass.CALLER_FAULT, None]


@virtual_time.test
async def test_what_is_refused_of_a_rescue_is_never_the_callers_fault(stage: type[Stage]) -> None:
    named = AttemptFailed(ErrorClass.CALLER_FAULT, "no", http_status=400, names_field=True)
    router = stage(a=("The quick brown", BUSY), b=(named,), c=(" fox.", DONE))

    assert read(await router.stream()) == "The quick brown fox."


@virtual_time.test
async def test_reasoning_is_not_told_behind_text(stage: type[Stage]) -> None:
    hm = Delta(text="Hm.", kind=BlockKind.REASONING)
    router = stage(
        a=(hm, Delta(text="The quick", block=1), BUSY),
        b=(Delta(text="Well.", kind=BlockKind.REASONING), Delta(text=" fox.", block=1), DONE),
    )

    deltas = [event for event in await router.stream() if isinstance(event, Delta)]

    assert deltas == [hm, Delta(text="The quick", block=1), Delta(text=" fox.", block=1)]


@virtual_time.test
async def test_a_tool_call_that_was_cut_is_made_anew(stage: type[Stage]) -> None:
    def call(text: str, block: int, name: str = "") -> Delta:
        return Delta(
            text=text, kind=BlockKind.TOOL_CALL, block=block, tool_call_id=name, tool_name=name
        )

    router = stage(
        a=("Let me see.", call('{"a":', 1, "f"), BUSY),
        b=(
            call('{"a"', 0, "f"),
            call(":1}", 0),
            Ending(finish_reason=FinishReason.TOOL_CALLS, model="m"),
        ),
    )

    events = await router.stream()

    assert [reset.from_block for reset in resets(events)] == [1]
    assert events[-3:-1] == [call('{"a"', 1, "f"), call(":1}", 1)]
    assert router.targets["b"].calls[0].request.messages[1].text == "Let me see."
    (kept,) = [answer.choice.message.parts for answer, _ in router.cache.kept.values()]
    assert [type(part).__name__ for part in kept] == ["Text", "ToolCall"]


@virtual_time.test
async def test_who_sees_no_reset_is_given_an_error_for_half_a_call(stage: type[Stage]) -> None:
    half = Delta(text='{"a":', kind=BlockKind.TOOL_CALL, tool_call_id="f", tool_name="f")
    router = stage(a=(half, BUSY), b=("Hello", DONE))

    with pytest.raises(StreamBroken):
        await router.stream(sees_resets=False)


@virtual_time.test
async def test_json_is_told_by_one(stage: type[Stage], question: Question) -> None:
    formed = replace(
        question(), response_format=ResponseFormat(kind=ResponseFormatKind.JSON_OBJECT)
    )
    able = {"capabilities": frozenset({Capability.JSON_SCHEMA})}
    router = stage(a=('{"a":', BUSY), b=('{"b":2}', DONE), targets={"a": able, "b": able})

    events = await router.stream(formed)

    assert read(events) == '{"b":2}'
    assert len(resets(events)) == 1
    with pytest.raises(StreamBroken):
        await router.stream(formed, sees_resets=False)


@virtual_time.test
async def test_behind_reasoning_another_answer_comes_to_who_sees_no_reset(
    stage: type[Stage],
) -> None:
    hm = Delta(text="Hm.", kind=BlockKind.REASONING)
    router = stage(a=(hm, BUSY), b=(hm, Delta(text="Hello", block=1), DONE))

    events = await router.stream(sees_resets=False)

    deltas = [event for event in events if isinstance(event, Delta)]
    assert deltas == [hm, replace(hm, block=1), Delta(text="Hello", block=2)]
    assert router.targets["b"].calls[0].request == router.targets["a"].calls[0].request


@virtual_time.test
async def test_a_whole_answer_that_lacked_its_end_alone_needs_no_more_words(
    stage: type[Stage],
) -> None:
    router = stage(a=("Hello.", BUSY), b=(DONE,), targets={"b": PREFILLED})

    assert read(await router.stream()) == "Hello."


@virtual_time.test
async def test_the_usage_counts_all_who_told_the_answer(
    stage: type[Stage], question: Question
) -> None:
    """ "hi" is 5 tokens with its turn; "The quick brown " is 4."""
    counted = replace(DONE, usage=Usage(input_tokens=20, output_tokens=10))
    router = stage(a=("The quick brown ", BUSY), b=(BUSY,), c=("fox.", counted))

    usage = finished(await router.stream(question("hi"))).usage

    assert usage == Usage(input_tokens=25, output_tokens=14)
    (kept,) = [answer.usage for answer, _ in router.cache.kept.values()]
    assert kept == usage


@virtual_time.test
async def test_a_stitched_answer_is_kept_as_a_fallbacks(stage: type[Stage]) -> None:
    """Also when the best target itself has ended it: it comes back by the last resort."""
    router = stage(a=("The quick brown", BUSY), b=(" fox.", DONE))

    await router.stream()

    ((answer, keeping),) = router.cache.kept.values()
    assert answer.choice.message.text == "The quick brown fox."
    assert keeping.fresh_for == 0


@virtual_time.test
async def test_the_span_of_the_hop_says_how_it_was_asked(stage: type[Stage]) -> None:
    router = stage(a=("The quick brown", BUSY), b=(" fox.", DONE))

    await router.stream()

    _, hop = router.spans.named("failsoft.hop")
    (event,) = hop.events
    assert event.name == "failsoft.rescue"
    assert event.attributes == {
        "failsoft.rescue.manner": "instructed",
        "failsoft.rescue.characters": 15,
    }


@virtual_time.test
async def test_a_mock_takes_the_place_of_half_an_answer_and_says_so(stage: type[Stage]) -> None:
    router = stage(a=("Good mor", BUSY), b=(BUSY,), hops=("a", "b", "mock"))

    events = await router.stream()

    assert len(resets(events)) == 1
    assert read(events).startswith("This is a mock answer")
    assert finished(events).degradation is Degradation.MOCK


@virtual_time.test
async def test_who_sees_no_reset_gets_no_mock_behind_half_an_answer(stage: type[Stage]) -> None:
    router = stage(a=("Good mor", BUSY), hops=("a", "mock"))

    with pytest.raises(RouteExhausted) as failure:
        await router.stream(sees_resets=False)

    assert read(router.events) == "Good mor"
    assert failure.value.hops[1].skip_reason is SkipReason.CAPABILITY


@virtual_time.test
async def test_what_was_said_is_not_voided_when_nobody_goes_on(stage: type[Stage]) -> None:
    router = stage(a=("Good mor", BUSY), b=(BUSY,))

    with pytest.raises(RouteExhausted):
        await router.stream()

    assert read(router.events) == "Good mor"
    assert resets(router.events) == []


@virtual_time.test
async def test_nobody_goes_on_when_the_time_is_over(stage: type[Stage]) -> None:
    words: list[Step] = ["word ", 1.0]
    router = stage(a=(*words * 60, DONE), b=("hi", DONE))

    with pytest.raises(WalkDeadlinePassed):
        await router.stream(within=30.0)

    assert read(router.events) == "word " * 30
    assert router.targets["b"].calls == []


@virtual_time.test
async def test_who_waits_for_the_whole_answer_is_given_a_new_one(stage: type[Stage]) -> None:
    """It was sent nothing, so nothing has to be gone on with."""
    router = stage(a=("Good mor", BUSY), b=("Hello", DONE))

    answer = await router.ask()

    assert answer.choice.message.text == "Hello"
    assert router.targets["b"].calls[0].request.continue_from == ""


@virtual_time.test
async def test_what_the_caller_had_already_is_gone_on_from(
    stage: type[Stage], question: Question
) -> None:
    router = stage(
        a=("quick brown", BUSY),
        b=("The quick brown fox.", DONE),
        targets={
            "a": {"capabilities": frozenset({Capability.CONTINUE})},
            "b": {"capabilities": frozenset({Capability.CONTINUE})},
        },
    )

    events = await router.stream(replace(question(), continue_from="The "))

    assert read(events) == "quick brown fox."


@virtual_time.test
async def test_half_a_letter_of_a_dying_stream_is_left_out(stage: type[Stage]) -> None:
    family, flag = "👩\u200d👧", "🇩🇪"
    for whole, cut in ((family, 2), (flag, 1)):
        text = f"Look: {whole}!"
        place = len("Look: ") + cut
        router = stage(
            a=(text[:place], BUSY), b=("Look: ", f"{whole}!", DONE), targets={"b": PREFILLED}
        )

        assert read(await router.stream()) == text
        said = router.targets["b"].calls[0].request.continue_from
        assert said == text[: place - 1].rstrip()


@virtual_time.test
async def test_a_letter_that_comes_in_two_pieces_is_told_whole(stage: type[Stage]) -> None:
    router = stage(a=("👩\u200d", "👧 ", "🇩", "🇪 ", "🇩", DONE))

    events = await router.stream()

    assert [event.text for event in events if isinstance(event, Delta)] == [
        "👩",
        "\u200d👧 ",
        "🇩🇪 ",
        "🇩",
    ]


@virtual_time.test
async def test_half_a_letter_of_a_block_that_stays_is_told(stage: type[Stage]) -> None:
    """A reset of the block behind it says nothing about it."""
    again = StreamReset(reason=ErrorClass.STALL, from_block=1)
    late = Delta(text="!", block=1)
    router = stage(a=("a flag letter: 🇩", again, late, DONE))

    assert read(await router.stream()) == "a flag letter: 🇩!"


@virtual_time.test
async def test_an_inner_router_that_starts_over_is_gone_on_from(stage: type[Stage]) -> None:
    """Its reset would void what others have said; what it had said itself is still true."""
    again = StreamReset(reason=ErrorClass.STALL)
    router = stage(
        a=("The quick ", BUSY),
        b=("brown", again, "The quick red", DONE),
        c=(" fox.", DONE),
    )

    events = await router.stream()

    assert read(events) == "The quick brown fox."
    assert resets(events) == []


async def with_a_slow_one(
    stage: type[Stage], *, slow: float, dying: Script, c: Script = (BUSY,)
) -> Stage:
    """A router whose target `a` was fast and is slow now, so that its calls go on beside."""
    usual: list[Script] = [(0.2, "hi", DONE)] * 8
    router = stage(
        a=[*usual, (slow, "Another answer.", DONE)],
        b=[("hi", DONE), dying],
        c=c,
        limits=Limits(),
    )
    for _ in (*usual, "the one that goes on to b"):
        await router.ask()
    return router


@virtual_time.test
async def test_a_call_beside_that_was_asked_anew_does_not_speak_into_a_rescue(
    stage: type[Stage],
) -> None:
    """`a` was slow, `b` spoke and died, and `a`'s own answer is no end of `b`'s."""
    for sees_resets in (True, False):
        router = await with_a_slow_one(
            stage, slow=4.0, dying=("The quick brown", 1.0, BUSY), c=(3.0, " fox.", DONE)
        )
        events = await router.stream(sees_resets=sees_resets)
        assert read(events) == "The quick brown fox."
        assert router.targets["a"].calls[-1].attempt_id.startswith("walk-10/")


@virtual_time.test
async def test_a_call_beside_is_the_last_hope_of_who_sees_resets(stage: type[Stage]) -> None:
    router = await with_a_slow_one(stage, slow=4.0, dying=("The quick brown", 0.5, BUSY))

    events = await router.stream()

    assert read(events) == "Another answer."
    assert len(resets(events)) == 1


@virtual_time.test
async def test_a_call_beside_is_no_hope_of_who_sees_none(stage: type[Stage]) -> None:
    router = await with_a_slow_one(stage, slow=4.0, dying=("The quick brown", 0.5, BUSY))

    with pytest.raises(RouteExhausted):
        await router.stream(sees_resets=False)

    assert read(router.events) == "The quick brown"


@virtual_time.test
async def test_a_target_on_trial_may_be_heard_behind_what_was_said(stage: type[Stage]) -> None:
    """A probe is followed from a queue, and what it says goes through the seam all the same."""
    router = stage(
        a=[(BUSY,)] * 5 + [(0.1, "The quick ", BUSY)],
        b=[("hi", DONE)] * 5 + [("The quick brown", BUSY)],
        c=(" fox.", DONE),
    )
    for _ in range(5):
        await router.ask()
    await asyncio.sleep(20.0)

    events = await router.stream()

    assert read(events) == "The quick brown fox."


@virtual_time.test
async def test_a_target_that_hangs_while_it_goes_on_is_left_too(stage: type[Stage]) -> None:
    router = stage(a=("The quick ", BUSY), b=("brown", math.inf), c=(" fox.", DONE))

    assert read(await router.stream()) == "The quick brown fox."
