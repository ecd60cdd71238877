"""Our answers as OpenAI's clients read them: whole, and in chunks that say the same."""
# ruff: noqa: ANN401 - JSON

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import Degradation, Message, Role, Text, ToolCall
from failsoft_model.events import (
    Answer,
    BlockKind,
    Choice,
    Delta,
    Finished,
    TokenLogprob,
    TopLogprob,
)
from failsoft_model.walk import (
    CacheStatus,
    ErrorClass,
    FinishReason,
    Hop,
    HopOutcome,
    Usage,
)
from failsoft_router.app.reply.assemble import replay
from failsoft_router.wire.openai_front.chunks import ChunkWriter, error_event
from failsoft_router.wire.openai_front.facts import answer_headers
from failsoft_router.wire.openai_front.reply import encode_answer
from failsoft_router.wire.sse import SseParser

FINISHED = Finished(
    finish_reason=FinishReason.STOP,
    served_by="claude",
    model="claude-haiku-4-5",
    usage=Usage(input_tokens=7, output_tokens=5, cached_input_tokens=2, reasoning_tokens=1),
    degradation=Degradation.FALLBACK_TARGET,
    cache_status=CacheStatus.MISS,
    hops=(
        Hop(
            position=1,
            target="openai",
            outcome=HopOutcome.FAILED,
            error_class=ErrorClass.TRANSIENT,
        ),
        Hop(position=2, target="claude", outcome=HopOutcome.SERVED),
    ),
    dropped_parameters=("sampling.seed",),
    trace_id="ab",
    walk_id="w1",
    route="chat",
    request_id="r1",
)
CALLS = (
    ToolCall(id="c1", name="weather", arguments_json='{"place":"Bern"}'),
    ToolCall(id="c2", name="weather", arguments_json="{}"),
)


def in_callers_words(paths: Sequence[str]) -> list[str]:
    return ["verbosity", *(path.removeprefix("sampling.") for path in paths)]


def whole(*parts: Text | ToolCall, finished: Finished = FINISHED, **choice: Any) -> Any:
    """The body of an answer with these parts."""
    message = Message(role=Role.ASSISTANT, parts=parts)
    answer = Answer(choice=Choice(message=message, **choice), finished=finished)
    return orjson.loads(encode_answer(answer, created=12, dropped=in_callers_words))


def writer(*, include_usage: bool = False, model: str = "gpt-5-mini") -> ChunkWriter:
    return ChunkWriter(
        walk_id="w1", model=model, created=12, include_usage=include_usage, dropped=in_callers_words
    )


def read(stream: bytes) -> list[Any]:
    """The objects of a stream that ends as it should."""
    *chunks, done = SseParser().feed(stream)
    assert done == b"[DONE]"
    return [orjson.loads(chunk) for chunk in chunks]


def streamed(deltas: Sequence[Delta], finished: Finished = FINISHED, **asked: Any) -> list[Any]:
    out = writer(**asked)
    return read(b"".join([*map(out.piece, deltas), out.ending(finished)]))


def test_a_whole_answer_is_a_chat_completion() -> None:
    body = whole(Text(text="Soft."))

    assert body["id"] == "chatcmpl-w1"
    assert (body["object"], body["created"], body["model"]) == (
        "chat.completion",
        12,
        "claude-haiku-4-5",
    )
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Soft.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert body["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }


def test_the_facts_are_beside_the_answer() -> None:
    facts = whole(Text(text="Soft."))["failsoft"]

    assert facts["served_by"] == "claude"
    assert facts["degradation"] == "fallback_target"
    assert facts["cache"] == {"status": "miss", "age": None}
    assert facts["dropped_parameters"] == ["verbosity", "seed"]
    assert [(hop["target"], hop["outcome"], hop["error_class"]) for hop in facts["hops"]] == [
        ("openai", "failed", "transient"),
        ("claude", "served", None),
    ]


def test_calls_come_without_content() -> None:
    message = whole(*CALLS)["choices"][0]["message"]

    assert message["content"] is None
    assert message["tool_calls"][0] == {
        "id": "c1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"place":"Bern"}'},
    }


def test_an_answer_that_nobody_counted_has_no_usage() -> None:
    uncounted = Finished(finish_reason=FinishReason.STOP, served_by="a", model="m")

    assert whole(Text(text="x"), finished=uncounted)["usage"] is None


def test_tokens_are_told_as_those_of_the_text_or_of_the_refusal() -> None:
    token = TokenLogprob(
        token="é", logprob=-0.5, data="é".encode(), top=(TopLogprob(token="e", logprob=-1.0),)
    )
    told = [
        {
            "token": "é",
            "logprob": -0.5,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": None}],
        }
    ]

    text = whole(Text(text="é"), logprobs=(token,))["choices"][0]["logprobs"]
    refused = whole(refusal="é", logprobs=(token,))["choices"][0]["logprobs"]

    assert text == {"content": told, "refusal": None}
    assert refused == {"content": None, "refusal": told}
    assert streamed([Delta(text="é", logprobs=(token,))])[0]["choices"][0]["logprobs"] == text


def test_the_first_chunk_says_whose_turn_it_is_and_only_that_one() -> None:
    first, second, _ = streamed([Delta(text="So"), Delta(text='ft "\n')])

    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "So"}
    assert second["choices"][0]["delta"] == {"content": 'ft "\n'}
    assert first["model"] == "gpt-5-mini"
    assert first["choices"][0]["finish_reason"] is None


def test_the_last_chunk_has_the_facts_and_the_model_that_answered() -> None:
    *pieces, last = streamed([Delta(text="So")])

    assert all("failsoft" not in piece for piece in pieces)
    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert last["model"] == "claude-haiku-4-5"
    assert last["failsoft"] == whole(Text(text="So"))["failsoft"]
    assert "usage" not in last


def test_usage_is_a_chunk_of_its_own_where_it_is_asked_for() -> None:
    piece, finish, last = streamed([Delta(text="So")], include_usage=True)

    assert piece["usage"] is None
    assert (finish["usage"], finish["choices"][0]["finish_reason"]) == (None, "stop")
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 12
    assert "failsoft" in last
    assert "failsoft" not in finish


def test_an_answer_without_content_is_a_stream_all_the_same() -> None:
    (only,) = streamed([])

    assert only["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert only["choices"][0]["finish_reason"] == "stop"


def test_an_error_ends_a_stream_without_done() -> None:
    assert error_event(b'{"error":{}}') == b'data: {"error":{}}\n\n'


TEXTS = st.text(min_size=1, max_size=200)
BLOCKS = st.lists(TEXTS.map(lambda text: Text(text=text)) | st.sampled_from(CALLS), max_size=4)


@given(BLOCKS, TEXTS | st.just(""), TEXTS | st.just(""))
def test_a_stream_says_what_the_whole_answer_says(
    parts: list[Text | ToolCall], reasoning: str, refusal: str
) -> None:
    choice = Choice(
        message=Message(role=Role.ASSISTANT, parts=tuple(parts)),
        reasoning=reasoning,
        refusal=refusal,
    )
    told: dict[str, str] = {}
    calls: dict[int, dict[str, str]] = {}
    for chunk in streamed(list(replay(choice))):
        delta = chunk["choices"][0]["delta"]
        for field in ("role", "content", "refusal", "reasoning_content"):
            told[field] = told.get(field, "") + (delta.get(field) or "")
        for call in delta.get("tool_calls", ()):
            known = calls.setdefault(call["index"], {"id": call.get("id", ""), "arguments": ""})
            known["arguments"] += call["function"]["arguments"]

    message = whole(*parts, reasoning=reasoning, refusal=refusal)["choices"][0]["message"]
    assert told["role"] == "assistant"
    assert told["content"] == (message["content"] or "")
    assert told["refusal"] == (message["refusal"] or "")
    assert told["reasoning_content"] == message.get("reasoning_content", "")
    assert [call["id"] for _, call in sorted(calls.items())] == [
        call["id"] for call in message.get("tool_calls", ())
    ]
    assert [call["arguments"] for _, call in sorted(calls.items())] == [
        call["function"]["arguments"] for call in message.get("tool_calls", ())
    ]


def test_a_call_in_pieces_is_named_once() -> None:
    pieces = [
        Delta(text="", kind=BlockKind.TOOL_CALL, block=3, tool_call_id="c1", tool_name="weather"),
        Delta(text="{", kind=BlockKind.TOOL_CALL, block=3),
        Delta(text="}", kind=BlockKind.TOOL_CALL, block=3),
    ]

    first, second, *_ = [
        chunk["choices"][0]["delta"].get("tool_calls") for chunk in streamed(pieces)
    ]

    assert first == [
        {
            "index": 0,
            "id": "c1",
            "type": "function",
            "function": {"name": "weather", "arguments": ""},
        }
    ]
    assert second == [{"index": 0, "function": {"arguments": "{"}}]


@pytest.mark.parametrize("status", CacheStatus)
def test_every_status_of_the_cache_has_its_header(status: CacheStatus) -> None:
    headers = dict(
        answer_headers(
            served_by="cache", degradation=Degradation.NONE, cache_status=status, cache_age=61.7
        )
    )

    assert headers["cache-status"].startswith("failsoft; ")
    assert ("hit" in headers["cache-status"].split("; ")) is status.value.startswith("hit")
    assert headers["age"] == "61"
