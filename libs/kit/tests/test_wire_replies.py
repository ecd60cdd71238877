"""Replies arrive as they were sent; what a peer's later contract adds does no harm."""

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.wire.durations import decode_duration, fill_duration
from failsoft_kit.wire.inference import (
    Malformed,
    decode_answer,
    decode_event,
    decode_hop,
    decode_walk_failure,
    encode_answer,
    encode_event,
    encode_walk_failure,
)
from failsoft_model.chat import Degradation, Message, Role, Text, ToolCall
from failsoft_model.events import (
    Answer,
    BlockKind,
    Choice,
    Delta,
    Event,
    Finished,
    HopUpdate,
    Started,
    StreamReset,
    TokenLogprob,
    TopLogprob,
)
from failsoft_model.walk import (
    Attempt,
    CacheStatus,
    ErrorClass,
    FinishReason,
    Hop,
    HopOutcome,
    Load,
    PlaceReason,
    SkipReason,
    Usage,
    WalkFailure,
)

text = st.text(max_size=8)
counts = st.integers(0, 2**32 - 1)
seconds = st.integers(0, 10**6).map(lambda milliseconds: milliseconds / 1000)
maybe_class = st.none() | st.sampled_from(ErrorClass)
usages = st.builds(
    Usage,
    input_tokens=counts,
    output_tokens=counts,
    cached_input_tokens=counts,
    reasoning_tokens=counts,
)
loads = st.builds(
    Load,
    running=counts,
    waiting=counts,
    capacity=counts,
    running_tokens=counts,
    waiting_tokens=counts,
    capacity_tokens=counts,
)
attempts = st.builds(
    Attempt,
    id=text,
    model=text,
    error_class=maybe_class,
    http_status=st.integers(0, 599),
    time_to_first_content=st.none() | seconds,
    latency=seconds,
    usage=st.none() | usages,
)
hops = st.builds(
    Hop,
    position=st.integers(1, 9),
    target=text,
    outcome=st.sampled_from(HopOutcome),
    skip_reason=st.none() | st.sampled_from(SkipReason),
    error_class=maybe_class,
    detail=text,
    started=seconds,
    latency=seconds,
    attempts=st.lists(attempts, max_size=2).map(tuple),
)
finisheds = st.builds(
    Finished,
    finish_reason=st.sampled_from(FinishReason),
    served_by=text,
    model=text,
    usage=st.none() | usages,
    degradation=st.sampled_from(Degradation),
    cache_status=st.none() | st.sampled_from(CacheStatus),
    cache_age=st.none() | seconds,
    hops=st.lists(hops, max_size=2).map(tuple),
    dropped_parameters=st.lists(text, max_size=2).map(tuple),
    load=st.none() | loads,
    trace_id=text,
    walk_id=text,
    route=text,
    request_id=text,
)
logprobs = st.floats(-9999.0, 0.0)
tops = st.builds(TopLogprob, token=text, logprob=logprobs, data=st.binary(max_size=4))
tokens = st.lists(
    st.builds(
        TokenLogprob,
        token=text,
        logprob=logprobs,
        data=st.binary(max_size=4),
        top=st.lists(tops, max_size=2).map(tuple),
    ),
    max_size=2,
).map(tuple)
deltas = st.builds(
    Delta,
    text=text,
    kind=st.sampled_from([BlockKind.TEXT, BlockKind.REASONING, BlockKind.REFUSAL]),
    choice=counts,
    block=counts,
    logprobs=tokens,
) | st.builds(
    Delta,
    text=text,
    kind=st.just(BlockKind.TOOL_CALL),
    choice=counts,
    block=counts,
    tool_call_id=text,
    tool_name=text,
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Started, walk_id=text, route=text, request_id=text, load=st.none() | loads),
    st.builds(HopUpdate, hop=hops),
    deltas,
    st.builds(StreamReset, reason=st.sampled_from(ErrorClass), choice=counts, from_block=counts),
    finisheds,
)
answer_parts = st.builds(Text, text=text) | st.builds(
    ToolCall, id=text, name=text, arguments_json=text
)
choices = st.builds(
    Choice,
    message=st.builds(
        Message, role=st.just(Role.ASSISTANT), parts=st.lists(answer_parts, max_size=2).map(tuple)
    ),
    reasoning=text,
    refusal=text,
    index=counts,
    logprobs=tokens,
)

UNKNOWN = 99
GOOD = pb.Finished(finish_reason=walk_pb2.FINISH_REASON_STOP, degradation=chat_pb2.DEGRADATION_NONE)


@given(events)
def test_an_event_arrives_as_it_was_sent(event: Event) -> None:
    """Zeros and empty pieces too: whether something is set is a fact of its own."""
    sent = encode_event(event).SerializeToString()

    assert decode_event(pb.StreamGenerateResponse.FromString(sent), logprobs=True) == event


def test_probabilities_that_nobody_asked_for_are_left_out() -> None:
    """A target that tells them unasked costs the walk nothing."""
    token = TokenLogprob(token="Hi", logprob=-0.5)
    sent = encode_event(Delta(text="Hi", logprobs=(token,)))

    assert decode_event(sent) == Delta(text="Hi")


@pytest.mark.parametrize(
    ("told", "kept"),
    [(0.5, 0.0), (float("-inf"), -9999.0), (float("nan"), -9999.0), (-1e9, -9999.0), (-2.5, -2.5)],
)
def test_what_is_no_log_probability_is_made_one(told: float, kept: float) -> None:
    """JSON has no infinity, and a reader of probabilities takes their exponents."""
    delta = pb.Delta(text="Hi")
    delta.logprobs.add(token="Hi", logprob=told).top.add(token="Hi", logprob=told)

    event = decode_event(pb.StreamGenerateResponse(delta=delta), logprobs=True)

    assert isinstance(event, Delta)
    assert (event.logprobs[0].logprob, event.logprobs[0].top[0].logprob) == (kept, kept)


@given(st.builds(Answer, choice=choices, finished=finisheds))
def test_an_answer_arrives_as_it_was_sent(answer: Answer) -> None:
    sent = encode_answer(answer).SerializeToString()

    assert decode_answer(pb.GenerateResponse.FromString(sent)) == answer


@given(st.floats(-1e9, 1e9))
def test_a_duration_is_exact_to_the_nanosecond(seconds: float) -> None:
    """And its two halves have one sign, as the wire format demands."""
    duration = Duration()
    fill_duration(duration, seconds)

    assert abs(decode_duration(duration) - seconds) <= max(1e-9, abs(seconds) * 1e-15)
    assert abs(duration.nanos) < 1_000_000_000
    assert duration.seconds * duration.nanos >= 0


def test_almost_a_second_is_a_second() -> None:
    duration = Duration()
    fill_duration(duration, 1.9999999999)

    assert duration == Duration(seconds=2)


@pytest.mark.parametrize(
    "response",
    [
        pb.StreamGenerateResponse(),
        pb.StreamGenerateResponse(delta=pb.Delta(block=1)),
        pb.StreamGenerateResponse(
            hop_update=pb.HopUpdate(hop=walk_pb2.Hop(outcome=UNKNOWN))  # type: ignore[arg-type]
        ),
    ],
    ids=["event", "content", "outcome"],
)
def test_a_later_contract_s_event_is_skipped(response: pb.StreamGenerateResponse) -> None:
    """A new router may stand behind an old one."""
    assert decode_event(response) is None


def test_a_later_contract_s_words_are_read_around() -> None:
    hop = walk_pb2.Hop(
        outcome=walk_pb2.HOP_OUTCOME_SKIPPED,
        skip_reason=UNKNOWN,  # type: ignore[arg-type]
        error_class=UNKNOWN,  # type: ignore[arg-type]
        place=UNKNOWN,  # type: ignore[arg-type]
    )
    finished = pb.Finished(
        finish_reason=walk_pb2.FINISH_REASON_STOP,
        degradation=chat_pb2.DEGRADATION_NONE,
        cache_status=UNKNOWN,  # type: ignore[arg-type]
        hops=[hop, walk_pb2.Hop(outcome=UNKNOWN)],  # type: ignore[arg-type]
    )
    event = decode_event(pb.StreamGenerateResponse(finished=finished))

    assert isinstance(event, Finished)
    assert event.cache_status is None
    (read,) = event.hops
    assert (read.skip_reason, read.error_class) == (None, ErrorClass.UNKNOWN)
    assert read.place is None


@pytest.mark.parametrize("number", [0, UNKNOWN])
def test_a_reset_without_a_known_reason_is_a_reset(number: int) -> None:
    reset = pb.StreamReset(reason=walk_pb2.ErrorClass.ValueType(number), from_block=1)

    assert decode_event(pb.StreamGenerateResponse(stream_reset=reset)) == StreamReset(
        reason=ErrorClass.UNKNOWN, from_block=1
    )


@pytest.mark.parametrize("number", [0, UNKNOWN])
def test_how_an_answer_ended_is_never_guessed(number: int) -> None:
    """A cut answer that passes for a whole one is the worst failure."""
    finished = pb.Finished()
    finished.CopyFrom(GOOD)
    finished.finish_reason = walk_pb2.FinishReason.ValueType(number)

    with pytest.raises(Malformed):
        decode_event(pb.StreamGenerateResponse(finished=finished))


@pytest.mark.parametrize("number", [0, UNKNOWN])
def test_how_good_an_answer_is_is_never_guessed(number: int) -> None:
    """A made-up answer must not pass for a real one."""
    finished = pb.Finished()
    finished.CopyFrom(GOOD)
    finished.degradation = chat_pb2.Degradation.ValueType(number)

    with pytest.raises(Malformed):
        decode_event(pb.StreamGenerateResponse(finished=finished))


@pytest.mark.parametrize(
    "response",
    [
        pb.GenerateResponse(finished=GOOD),
        pb.GenerateResponse(choices=[pb.Choice()]),
        pb.GenerateResponse(choices=[pb.Choice()], finished=pb.Finished()),
    ],
    ids=["no choice", "no facts", "no finish reason"],
)
def test_half_an_answer_is_no_answer(response: pb.GenerateResponse) -> None:
    with pytest.raises(Malformed):
        decode_answer(response)


# Why a walk ended with nothing.


def failed(position: int, *, detail: str = "", attempts: int = 0, target: str = "t") -> Hop:
    attempt = Attempt(
        id=f"walk/{position}/1",
        model="m" * 40,
        error_class=ErrorClass.TRANSIENT,
        http_status=503,
        time_to_first_content=None,
        latency=0.5,
        usage=None,
        started=0.25,
        detail="it was busy",
    )
    return Hop(
        position=position,
        target=target,
        outcome=HopOutcome.FAILED,
        error_class=ErrorClass.TRANSIENT,
        detail=detail,
        attempts=(attempt,) * attempts,
        place=PlaceReason.TENANT_PREFERS,
    )


def failure(*hops: Hop) -> WalkFailure:
    return WalkFailure(
        walk_id="w1", route="chat", trace_id="0" * 32, cause=ErrorClass.STALL, hops=hops
    )


def test_a_failure_that_fits_is_told_whole() -> None:
    told = failure(failed(1, detail="the target answered 503", attempts=2), failed(2))

    assert decode_walk_failure(encode_walk_failure(told)) == told


def test_a_walk_that_tried_nothing_has_no_cause() -> None:
    told = WalkFailure(walk_id="w1", route="chat")

    assert decode_walk_failure(encode_walk_failure(told)) == told


def test_a_long_failure_loses_the_last_hops_details_first() -> None:
    """The first failures tell most."""
    message = encode_walk_failure(
        failure(*[failed(n, detail="d" * 600, attempts=4) for n in range(1, 9)])
    )

    assert 3000 < message.ByteSize() <= 4096
    assert [hop.position for hop in message.hops] == list(range(1, 9))
    told = [bool(hop.detail) for hop in message.hops]
    assert told == sorted(told, reverse=True)
    assert told[0]
    assert not told[-1]
    assert [len(hop.attempts) for hop in message.hops] == [4 * has for has in told]


def test_a_very_long_failure_loses_its_last_hops() -> None:
    message = encode_walk_failure(failure(*[failed(n, target="t" * 250) for n in range(1, 40)]))

    assert 3000 < message.ByteSize() <= 4096
    assert [hop.position for hop in message.hops] == list(range(1, len(message.hops) + 1))


def test_a_hop_that_does_not_say_how_it_ended_is_left_out() -> None:
    message = walk_pb2.WalkFailure(hops=[walk_pb2.Hop(target="a")])

    assert decode_hop(message.hops[0]) is None
    assert decode_walk_failure(message).hops == ()
