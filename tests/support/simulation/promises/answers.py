"""Promises about answers: one ending each, the target's own words, nothing else stored."""

from collections.abc import Iterator

from failsoft_model.chat import Degradation, Part, Text, ToolCall
from failsoft_model.events import BlockKind, Choice, Finished, Started, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason, HopOutcome
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP, Midstream
from simulation.promises.gates import best
from simulation.promises.turns import may_take_turns, told_in_turns
from simulation.story import Asked, Blocks, Call, End, Story

Said = tuple[tuple[BlockKind, str], ...]


def every_request_ends_exactly_once(story: Story) -> Iterator[str]:
    """With an answer or with an error, unless its caller went away; and then nothing follows."""
    for asked in story.asked:
        name = asked.planned.name
        if asked.crash is not None:
            yield f"{name} crashed: {asked.crash!r}"
        ends = [at for at, event in enumerate(asked.events) if isinstance(event[1], Finished)]
        if len(ends) > 1 or any(at != len(asked.events) - 1 for at in ends):
            yield f"{name} was told {len(ends)} times that it is over, or something after that"
        answered = bool(ends) or asked.answer is not None
        told = answered + (asked.error is not None)
        if told > 1 or (told == 0 and not asked.hung_up):
            yield f"{name} got {told} endings"


def a_stream_begins_once(story: Story) -> Iterator[str]:
    """`Started` is the first event and comes once."""
    for asked in story.asked:
        starts = [isinstance(event, Started) for _, event in asked.events]
        if asked.events and (not starts[0] or sum(starts) != 1):
            yield f"the stream of {asked.planned.name} did not begin with its only Started"


def a_hang_up_ends_the_walk_at_once(story: Story) -> Iterator[str]:
    """Nobody works for a caller who went away."""
    for asked in story.asked:
        if asked.left_at < asked.ended:
            yield f"{asked.planned.name} hung up and its walk went on"


def an_answer_is_what_its_target_said(story: Story) -> Iterator[str]:
    """Nothing is lost or doubled, or mixed with what another attempt had said.

    Where a route goes on with answers that broke off, they are whole words of several.
    """
    calls = {call.attempt_id: call for call in story.calls}
    for asked in story.asked:
        finished = asked.finished
        if finished is None or finished.served_by in (CACHE_HOP, MOCK_HOP):
            continue
        call = calls.get(_serving(finished))
        if call is None:
            yield f"{asked.planned.name} was served by a call that nobody made"
        elif call.end is not End.ANSWERED:
            yield f"{asked.planned.name} was served by {call.attempt_id}, which gave no answer"
        elif _held(asked) != _in_order(call.said) and not _in_turns(story, asked, last=call):
            yield f"{asked.planned.name} holds {_held(asked)}; {call.attempt_id} said {call.said}"


def who_speaks_first_answers(story: Story) -> Iterator[str]:
    """A probe that ran beside another call and spoke before it is not passed over."""
    calls = {call.attempt_id: call for call in story.calls}
    for asked in story.asked:
        served = calls.get(_serving(asked.finished)) if asked.finished else None
        if served is None or served.first_content_at is None or asked.planned.pause:
            continue
        for call in asked.calls:
            spoke = call.first_content_at
            first = spoke is not None and spoke < served.first_content_at
            takes_over = _held(asked) != _in_order(served.said)
            if first and call.end is End.ANSWERED and call is not served and not takes_over:
                yield f"{asked.planned.name} was served by {served}; {call} spoke before"


def a_caller_s_fault_ends_the_walk(story: Story) -> Iterator[str]:
    """No other target is bothered with a request that the best one finds wrong.

    A fallback's word is doubted, and a probe's may come late.
    """
    for call in story.calls:
        if call.error_class is not ErrorClass.CALLER_FAULT or _is_probe(call):
            continue
        if call.target != best(call.asked.hops):
            continue
        later = [each for each in call.asked.calls if each.began > call.began]
        if any(each.began >= call.ended for each in later):
            yield f"{call.asked.planned.name} was wrong for {call}, and went on"


def a_route_that_fails_midstream_never_restarts(story: Story) -> Iterator[str]:
    """Its callers would rather have a broken answer than two."""
    for asked in story.asked:
        started = asked.events[0][1] if asked.events else None
        if not isinstance(started, Started):
            continue
        routes = [policy.routes.get(started.route) for policy in story.schedule.policies]
        if any(route is None or route.midstream is not Midstream.FAIL for route in routes):
            continue
        if any(isinstance(event, StreamReset) for _, event in asked.events):
            yield f"{asked.planned.name} was restarted"


def a_broken_stream_leaves_one_attempt_s_words(story: Story) -> Iterator[str]:
    """Who is told that it failed holds nothing, or all that one attempt had said."""
    for asked in story.asked:
        if asked.error is None or not asked.planned.streamed:
            continue
        held = asked.held.said
        if _in_turns(story, asked, last=None):
            continue
        if held and not any(_was_said(held, call, at=asked.ended) for call in asked.calls):
            yield f"{asked.planned.name} is left with {held}"


def a_stored_answer_is_given_as_it_was_stored(story: Story) -> Iterator[str]:
    """A replay is the answer that one target gave to an earlier request."""
    stored = {_flat(each.answer.choice) for each in story.stored}
    for asked in story.asked:
        replayed = asked.finished is not None and asked.finished.served_by == CACHE_HOP
        if replayed and _held(asked) not in stored:
            yield f"{asked.planned.name} was given what was never stored: {_held(asked)}"


def a_mock_answer_is_nobody_s(story: Story) -> Iterator[str]:
    """It says something, and nothing of what a target said."""
    for asked in story.asked:
        if asked.finished is None or asked.finished.served_by != MOCK_HOP:
            continue
        text = "".join(words for _, words in _held(asked))
        if not text or "#" in text or asked.finished.degradation is not Degradation.MOCK:
            yield f"{asked.planned.name} was given {text!r} as {asked.finished.degradation.value}"


def only_whole_answers_are_stored(story: Story) -> Iterator[str]:
    """Never a truncated, filtered, stale or made-up one, and never without leave."""
    for stored in story.stored:
        asked = stored.asked
        if asked is None:
            yield f"an answer of {stored.answer.served_by} was stored for nobody"
            continue
        call = asked.calls[-1] if asked.calls else None
        name = asked.planned.name
        if asked.planned.request.cache_control.no_store:
            yield f"the answer for {name} was stored against its will"
        if stored.answer.finish_reason is FinishReason.CONTENT_FILTER:
            yield f"a filtered answer was stored for {name}"
        whole = [
            call
            for call in asked.calls
            if call.target == stored.answer.served_by
            and call.end is End.ANSWERED
            and _in_order(call.said) == _flat(stored.answer.choice)
        ]
        told = asked.finished is not None and _flat(stored.answer.choice) == _held(asked)
        if not whole and not (told and may_take_turns(story, asked)):
            yield f"what was stored for {name} is not what {call} gave"


def a_fallback_s_answer_is_never_fresh(story: Story) -> Iterator[str]:
    """It may serve a later outage, never a healthy minute."""
    for stored in story.stored:
        finished = None if stored.asked is None else stored.asked.finished
        if finished is None:
            continue
        if finished.degradation is not Degradation.NONE and stored.keeping.fresh_for > 0.0:
            yield f"{stored.answer.served_by} stood in, and its answer is kept as fresh"


def a_caller_s_refusal_is_final(story: Story) -> Iterator[str]:
    """Nobody gets a degradation that it said it does not want."""
    for asked in story.asked:
        finished = asked.finished
        if finished and finished.degradation in asked.planned.request.refused_degradations:
            yield f"{asked.planned.name} got {finished.degradation.value}, which it refused"


PROMISES = (
    every_request_ends_exactly_once,
    a_stream_begins_once,
    a_hang_up_ends_the_walk_at_once,
    an_answer_is_what_its_target_said,
    who_speaks_first_answers,
    a_caller_s_fault_ends_the_walk,
    a_route_that_fails_midstream_never_restarts,
    a_broken_stream_leaves_one_attempt_s_words,
    a_stored_answer_is_given_as_it_was_stored,
    a_mock_answer_is_nobody_s,
    only_whole_answers_are_stored,
    a_fallback_s_answer_is_never_fresh,
    a_caller_s_refusal_is_final,
)


def _in_turns(story: Story, asked: Asked, *, last: Call | None) -> bool:
    """Whether the caller holds what several calls told, one after the other."""
    if not (asked.planned.streamed and may_take_turns(story, asked)):
        return False
    return told_in_turns(asked.held.said, asked.calls, last=last)


def _is_probe(call: Call) -> bool:
    return call.leave is not None and call.leave.permit.probe


def _serving(finished: Finished) -> str:
    """Id of the attempt that answered; empty when none is told of."""
    ids = [
        attempt.id
        for hop in finished.hops
        if hop.outcome is HopOutcome.SERVED
        for attempt in hop.attempts
        if attempt.error_class is None
    ]
    return ids[0] if len(ids) == 1 else ""


def _was_said(held: Said, call: Call, *, at: float) -> bool:
    """Whether this is all that the call had said then.

    A probe may have gone on; a piece that came when a slow reader had used up the time is
    not handed on, and neither is a target's wish to start over where nobody may.
    """
    said = call.said.said
    if held in call.voided:
        return True
    late = call.end is End.CLOSED and call.read_for > 0
    if call.ended <= at and not late:
        return held == said
    texts = zip(held, said, strict=False)
    return len(held) <= len(said) and all(whole[1].startswith(part[1]) for part, whole in texts)


def _held(asked: Asked) -> Said:
    """The answer that the caller holds, thoughts before words."""
    return _flat(asked.answer.choice) if asked.answer is not None else _in_order(asked.held)


def _flat(choice: Choice) -> Said:
    return tuple(
        (kind, text)
        for kind, text in (
            (BlockKind.REASONING, choice.reasoning),
            (BlockKind.REFUSAL, choice.refusal),
            *map(_of_part, choice.message.parts),
        )
        if text
    )


def _of_part(part: Part) -> tuple[BlockKind, str]:
    match part:
        case Text(text=text):
            return BlockKind.TEXT, text
        case ToolCall():
            return BlockKind.TOOL_CALL, part.arguments_json
        case _:
            raise TypeError(f"an answer holds no {part}")


def _in_order(blocks: Blocks) -> Said:
    thoughts = [each for each in blocks.said if each[0] is BlockKind.REASONING]
    return (*thoughts, *(each for each in blocks.said if each not in thoughts))
