"""One walk in sentences: who asked, what was planned, what was met, and what was next."""

from collections.abc import Iterator
from datetime import UTC
from itertools import pairwise

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.console import harmless
from failsoft_cli.explain.words import at, attempt_result, due, probe_due, told
from failsoft_cli.render import age, degradation_words, hop_reason, seconds
from failsoft_cli.render_targets import breaker_state, gate_word

_INDENT = "     "

_ROUNDED = 0.001
"""Seconds by which a hop may seem to end after the next has begun."""

_CACHE = {
    walk_pb2.CACHE_STATUS_HIT_FRESH: "the cache had a fresh answer",
    walk_pb2.CACHE_STATUS_HIT_SWR: "the cache had an answer that is being refreshed",
    walk_pb2.CACHE_STATUS_HIT_STALE: "the cache had a stale answer",
    walk_pb2.CACHE_STATUS_MISS: "the cache had no answer that could be used",
}
_PLACES = {
    walk_pb2.PLACE_REASON_ASKED_MODEL: "its model was asked for",
    walk_pb2.PLACE_REASON_TENANT_PREFERS: "the tenant prefers it",
}
_EVENTS = {
    pb.ANSWER_EVENT_KIND_GOES_ON: "and the next target was asked to go on with it",
    pb.ANSWER_EVENT_KIND_STARTS_OVER: "what was sent was void, and the next target told its own",
    pb.ANSWER_EVENT_KIND_BREAKS_OFF: "and that was its end",
}


def story(reply: pb.ExplainRequestResponse) -> Iterator[str]:
    """The walk, a line for each fact; an empty one between its parts."""
    walk = reply.explanation
    yield from _who(walk)
    yield ""
    yield from _outcome(walk)
    yield ""
    if cache := _cache(walk):
        yield cache
    left = _left_running(walk)
    for hop in walk.hops:
        yield from _hop(hop)
        if hop.hop.position in left:
            yield _INDENT + left[hop.hop.position]
        for event in walk.events:
            if event.target == hop.hop.target:
                yield _INDENT + _event(event)
    for planned in walk.plan:
        if not planned.reached:
            yield _not_reached(planned)
    yield from _notes(reply)


def _who(walk: pb.Explanation) -> Iterator[str]:
    began = walk.began.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield f"walk {walk.walk_id}, {began}"
    manner = "as a stream" if walk.streamed else "in one piece"
    asked = f"model {harmless(walk.asked_model)}" if walk.asked_model else "no model"
    yield f"tenant {walk.tenant} asked for {asked}, {manner}; route {walk.route}"
    if walk.HasField("deadline"):
        waits = f"the caller was going to wait {age(seconds(walk.deadline))}"
    else:
        waits = f"no deadline, so {age(seconds(walk.patience))} to the first content"
    yield f"{waits}; policy {walk.policy}, replica {walk.replica}"
    ids = [f"request {harmless(walk.request_id)}"]
    if walk.trace_id:
        ids.append(f"trace {walk.trace_id}")
    yield ", ".join(ids)


def _outcome(walk: pb.Explanation) -> Iterator[str]:
    end = walk.end
    if end.error_reason:
        yield f"{end.error_reason} after {at(walk.took)}: {harmless(end.error_detail)}"
        return
    by = end.served_by if end.model in ("", end.served_by) else f"{end.served_by} ({end.model})"
    facts = [f"served by {by} in {at(walk.took)}"]
    if walk.HasField("cache_age"):
        facts.append(f"{age(seconds(walk.cache_age))} old")
    if end.degradation != chat_pb2.DEGRADATION_NONE:
        facts.append(degradation_words(end.degradation))
    if end.HasField("usage"):
        facts.append(f"{end.usage.input_tokens} + {end.usage.output_tokens} tokens")
    finish = told(walk_pb2.FinishReason.DESCRIPTOR, end.finish_reason)
    yield "; ".join([*facts, f"it ended with {finish}"])


def _cache(walk: pb.Explanation) -> str:
    sentence = _CACHE.get(walk.cache_status, "")
    if sentence and walk.HasField("cache_age"):
        return f"{sentence}, {age(seconds(walk.cache_age))} old"
    return sentence


def _hop(explained: pb.ExplainedHop) -> Iterator[str]:
    hop = explained.hop
    outcome = told(walk_pb2.HopOutcome.DESCRIPTOR, hop.outcome)
    why, place = hop_reason(hop) or harmless(hop.detail), _PLACES.get(hop.place)
    yield f"{hop.position:>3}  {hop.target} {outcome}" + (f": {why}" if why else "")
    if place:
        yield f"{_INDENT}it stands here because {place}"
    if explained.HasField("look"):
        yield _INDENT + _look(explained.look)
    for attempt in hop.attempts:
        number = attempt.id.rpartition("/")[2]
        took = f"at {at(attempt.started)} for {at(attempt.latency)}"
        yield f"{_INDENT}call {number} {took}: {attempt_result(attempt)}"


def _left_running(walk: pb.Explanation) -> dict[int, str]:
    """What to say of the hops whose calls still ran when the next hop began, by position."""
    return {
        before.hop.position: f"at {at(after.hop.started)} the next hop began beside its call"
        for before, after in pairwise(walk.hops)
        if seconds(after.hop.started) + _ROUNDED
        < seconds(before.hop.started) + seconds(before.hop.latency)
    }


def _look(look: pb.TargetLook) -> str:
    """How the walk found a target: its gates as they were then."""
    left = max(0.0, seconds(look.left))
    facts = [
        f"breaker {breaker_state(look.breaker)}",
        f"{look.calls_in_flight} of {look.concurrency} calls in flight",
    ]
    if look.breaker.HasField("due_in"):
        facts[0] += f", {probe_due(look.breaker.due_in)}"
    if look.credential == pb.CREDENTIAL_STATE_MISSING:
        facts.append("no credential")
    for gate in look.gates:
        if gate.shut:
            until = f" {due(gate.due_in)}" if gate.HasField("due_in") else ""
            facts.append(f"shut: {gate_word(gate.skip_reason)}{until}")
    if not any(gate.shut for gate in look.gates):
        facts.append("every other gate open")
    return f"found at {at(look.at)}, {left:.1f} s left: {'; '.join(facts)}"


def _not_reached(planned: pb.PlannedHop) -> str:
    line = f"{planned.position:>3}  {planned.target} not reached"
    if planned.next.would_be_tried:
        return f"{line}; it would have been tried"
    why = gate_word(planned.next.skip_reason)
    until = f", {due(planned.next.due_in)}" if planned.next.HasField("due_in") else ""
    return f"{line}; it would have been skipped: {why}: {harmless(planned.next.detail)}{until}"


def _event(event: pb.AnswerEvent) -> str:
    became = _EVENTS.get(event.kind, "and what became of it is in a word of a later version")
    return f"at {at(event.at)} its answer broke off after {event.characters} characters, {became}"


def _notes(reply: pb.ExplainRequestResponse) -> Iterator[str]:
    if not reply.explanation.complete:
        yield "a call that it left behind still runs: ask again to see what came of it"
    if reply.other_walk_ids:
        yield f"the same id leads to other walks: {', '.join(reply.other_walk_ids)}"
