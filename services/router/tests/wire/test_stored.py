"""A stored answer comes back as it went in; half of one does not come back at all."""

import pytest

from failsoft.cache.v1 import cache_service_pb2 as pb
from failsoft_kit.wire.inference import CACHE_STATUS
from failsoft_model.chat import Message, Role, Text, ToolCall
from failsoft_model.events import Choice, TokenLogprob, TopLogprob
from failsoft_model.walk import CacheStatus, FinishReason, Usage
from failsoft_router.ports import Found, Keeping, StoredAnswer
from failsoft_router.wire.stored import decode_found, encode_entry

KEY = b"k" * 32
ANSWER = StoredAnswer(
    choice=Choice(
        message=Message(
            role=Role.ASSISTANT,
            parts=(
                Text(text="See:"),
                ToolCall(id="c1", name="weather", arguments_json='{"n": 1}'),
            ),
        ),
        reasoning="Hm.",
        logprobs=(
            TokenLogprob(
                token="See:",
                logprob=-0.25,
                data=b"See:",
                top=(TopLogprob(token="Look:", logprob=-1.5, data=b"Look:"),),
            ),
        ),
    ),
    finish_reason=FinishReason.TOOL_CALLS,
    usage=Usage(input_tokens=3, output_tokens=4),
    served_by="openai-mini",
    model="gpt-5-mini-2026",
    created=1_800_000_000.125,
)
KEEPING = Keeping(fresh_for=300.0, stale_if_error=86400.0)


def reply(entry: pb.StoreEntry, *, status: CacheStatus) -> pb.LookupResponse:
    message = pb.LookupResponse(key=KEY, status=CACHE_STATUS.number[status], answer=entry.answer)
    message.age.FromMilliseconds(1500)
    return message


@pytest.mark.parametrize("usage", [None, Usage(input_tokens=1)])
def test_an_answer_survives_the_way_there_and_back(usage: Usage | None) -> None:
    answer = StoredAnswer(
        choice=ANSWER.choice,
        finish_reason=ANSWER.finish_reason,
        usage=usage,
        served_by=ANSWER.served_by,
        model=ANSWER.model,
        created=ANSWER.created,
    )
    entry = encode_entry(KEY, answer, KEEPING)

    found = decode_found(reply(entry, status=CacheStatus.HIT_STALE))

    assert found == Found(key=KEY, status=CacheStatus.HIT_STALE, age=1.5, answer=answer)


def test_an_entry_says_how_long_it_may_be_served() -> None:
    entry = encode_entry(KEY, ANSWER, Keeping(fresh_for=0.0, stale_if_error=1.5))

    assert entry.key == KEY
    assert entry.HasField("fresh_for")
    assert entry.fresh_for.ToMilliseconds() == 0
    assert entry.stale_if_error.ToMilliseconds() == 1500


@pytest.mark.parametrize("status", [CacheStatus.MISS, CacheStatus.BYPASS])
def test_a_reply_without_an_answer_keeps_its_key(status: CacheStatus) -> None:
    message = pb.LookupResponse(key=KEY, status=CACHE_STATUS.number[status])

    assert decode_found(message) == Found(key=KEY, status=status)


def test_a_hit_without_an_answer_is_a_miss() -> None:
    message = pb.LookupResponse(key=KEY, status=CACHE_STATUS.number[CacheStatus.HIT_FRESH])

    assert decode_found(message) == Found(key=KEY, status=CacheStatus.MISS)


def test_an_answer_without_a_finish_reason_is_none() -> None:
    entry = encode_entry(KEY, ANSWER, KEEPING)
    entry.answer.ClearField("finish_reason")

    found = decode_found(reply(entry, status=CacheStatus.HIT_FRESH))

    assert found.answer is None
    assert found.status is CacheStatus.MISS


def test_a_status_from_the_future_is_a_miss_or_what_its_answer_makes_of_it() -> None:
    assert decode_found(pb.LookupResponse(key=KEY)).status is CacheStatus.MISS
