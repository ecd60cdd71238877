"""A stream of Gemini's is whole, or it is a failure of the right class; nothing between."""

import contextlib
import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.events import BlockKind, Delta, TokenLogprob, TopLogprob
from failsoft_model.limits import MAX_PARTS
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.core.outcome import Lesson, Phase, verdict
from failsoft_router.ports import AttemptFailed, Ending
from failsoft_router.wire.gemini.stream import ChunkReader
from failsoft_router.wire.size import MAX_COUNTED
from failsoft_router.wire.sse import SseParser

USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12}


def chunk(
    *parts: dict[str, object], finish: str | None = None, **fields: object
) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-2.5-flash-001", **fields}


def text(said: str, **fields: object) -> dict[str, object]:
    return {"text": said, **fields}


def call(name: str, args: object = None, **fields: object) -> dict[str, object]:
    given_args = {} if args is None else {"args": args}
    return {"functionCall": {"name": name, **given_args, **fields}}


STOP = chunk(finish="STOP", usageMetadata=USAGE)


def reader_of(*, request_id: str = "r", **wanted: bool) -> ChunkReader:
    return ChunkReader(model="gemini-2.5-flash", request_id=request_id, **wanted)


def read(*chunks: object, reader: ChunkReader | None = None) -> tuple[list[Delta], ChunkReader]:
    """What each chunk says when it comes by itself."""
    reader = reader or reader_of()
    deltas = []
    for each in chunks:
        reader.read(orjson.dumps(each))
        deltas += reader.content()
    return deltas, reader


def failure(*chunks: object) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as failed:
        read(*chunks)[1].ending()
    return failed.value


# Content.


def test_text_comes_piece_by_piece_in_one_block() -> None:
    deltas, reader = read(chunk(text("Hel")), chunk(text("lo"), finish="STOP"))

    assert deltas == [Delta(text="Hel"), Delta(text="lo")]
    assert reader.ending() == Ending(finish_reason=FinishReason.STOP, model="gemini-2.5-flash-001")


def test_thoughts_and_the_answer_are_blocks_of_their_own() -> None:
    deltas, _ = read(chunk(text("Hm.", thought=True)), chunk(text("So", thoughtSignature="c2ln")))

    assert deltas == [
        Delta(text="Hm.", kind=BlockKind.REASONING, block=0),
        Delta(text="So", block=1),
    ]


def test_calls_come_whole_with_their_ids_and_arguments_as_they_were_written() -> None:
    payload = (
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"id":"x1","name":"at",'
        b'"args":{"n": 12345678901234567890, "x": 1.10}}},{"functionCall":{"name":"now"}}]},'
        b'"finishReason":"STOP"}],"responseId":"abc"}'
    )
    reader = reader_of()
    reader.read(payload)
    first, second = reader.content()

    assert first == Delta(
        text='{"n": 12345678901234567890, "x": 1.10}',
        kind=BlockKind.TOOL_CALL,
        block=0,
        tool_call_id="x1",
        tool_name="at",
    )
    assert (second.text, second.block, second.tool_name) == ("{}", 1, "now")
    assert reader.ending().finish_reason is FinishReason.TOOL_CALLS


def test_what_is_no_name_is_not_passed_on_as_the_models() -> None:
    _, reader = read(chunk(text("x"), finish="STOP", modelVersion="x" * 257))

    assert reader.ending().model == "gemini-2.5-flash"


def test_an_answer_is_known_by_the_id_that_it_came_with() -> None:
    _, reader = read(chunk(text("x"), responseId="a-1"), chunk(text("y"), finish="STOP"))

    assert reader.ending().response_id == "a-1"


def test_calls_without_ids_get_such_as_no_other_call_of_the_conversation_has() -> None:
    """Other providers refuse a conversation in which two calls have one id."""
    calls = chunk(call("a"), call("b"), responseId="one")
    other = chunk(call("a"), call("b"), responseId="two")

    def ids(answer: object, request_id: str) -> list[str]:
        return [
            each.tool_call_id for each in read(answer, reader=reader_of(request_id=request_id))[0]
        ]

    found = [*ids(calls, "r"), *ids(other, "r"), *ids(calls, "s")]
    assert len(set(found)) == 6
    assert ids(calls, "r") == found[:2]
    assert all(len(each) <= 40 and each.replace("_", "").isalnum() for each in found)


def test_a_call_whose_arguments_are_no_object_is_malformed() -> None:
    assert failure(chunk(call("a", [1]))).error_class is ErrorClass.MALFORMED
    assert read(chunk({"functionCall": {"name": "a", "args": None}}))[0][0].text == "{}"


def test_signatures_are_never_passed_on() -> None:
    """They are bound to the provider, and break the next one's request."""
    deltas, _ = read(
        chunk({**call("a"), "thoughtSignature": "c2VjcmV0"}, text("b", thoughtSignature="c2VjcmV0"))
    )

    assert "c2VjcmV0" not in repr(deltas)


@pytest.mark.parametrize(
    "empty",
    [
        {},
        {"candidates": []},
        {"candidates": None, "promptFeedback": {}},
        {"candidates": [{}]},
        {"candidates": [{"content": {}}]},
        chunk(text("")),
        chunk(text("", thoughtSignature="c2ln")),
        chunk({"inlineData": {"mimeType": "image/png", "data": "AA=="}}),
        {"usageMetadata": {"promptTokenCount": 9}},
    ],
)
def test_what_carries_no_content_is_nothing(empty: object) -> None:
    deltas, reader = read(empty)

    assert deltas == []
    assert not reader.finished


# Ends.


@pytest.mark.parametrize(
    ("word", "reason"), [("STOP", FinishReason.STOP), ("MAX_TOKENS", FinishReason.LENGTH)]
)
def test_the_finish_reason_is_the_providers(word: str, reason: FinishReason) -> None:
    assert read(chunk(text("a"), finish=word))[1].ending().finish_reason is reason


def test_calls_that_were_cut_by_the_limit_are_not_told_as_calls() -> None:
    _, reader = read(chunk(call("a"), finish="MAX_TOKENS"))

    assert reader.ending().finish_reason is FinishReason.LENGTH


def test_usage_counts_thoughts_as_output_and_tells_what_was_cached() -> None:
    usage = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 5,
        "cachedContentTokenCount": 64,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 155,
    }
    _, reader = read(chunk(text("a"), finish="STOP", usageMetadata=usage))

    assert reader.complete
    assert reader.ending().usage == Usage(
        input_tokens=105, output_tokens=50, cached_input_tokens=64, reasoning_tokens=30
    )


def test_usage_in_a_chunk_in_mid_answer_ends_nothing() -> None:
    _, reader = read(chunk(text("a"), usageMetadata=USAGE))

    assert not reader.complete
    assert not reader.finished


def test_usage_that_cannot_be_is_no_reason_to_fail() -> None:
    usage = {"promptTokenCount": -1, "candidatesTokenCount": 2**40}
    _, reader = read(chunk(text("a"), finish="STOP", usageMetadata=usage))

    assert reader.ending().usage == Usage(output_tokens=2**32 - 1)


def test_a_stream_without_a_finish_reason_is_truncated() -> None:
    assert failure(chunk(text("a"))).error_class is ErrorClass.TRUNCATED
    assert failure().error_class is ErrorClass.TRUNCATED


def test_an_answer_that_says_nothing_is_truncated_unless_the_request_explains_it() -> None:
    assert failure(STOP).error_class is ErrorClass.TRUNCATED
    assert read(chunk(finish="MAX_TOKENS"))[1].ending().finish_reason is FinishReason.LENGTH
    explained = reader_of(may_say_nothing=True)
    assert read(STOP, reader=explained)[1].ending().finish_reason is FinishReason.STOP


@pytest.mark.parametrize(
    "word",
    ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"],
)
def test_an_answer_that_was_filtered_is_a_content_refusal(word: str) -> None:
    assert failure(chunk(text("a"), finish=word)).error_class is ErrorClass.CONTENT_FILTER


@pytest.mark.parametrize("word", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "NEW"])
def test_a_prompt_that_was_blocked_is_no_illness(word: str) -> None:
    failed = failure({"promptFeedback": {"blockReason": word}, "usageMetadata": USAGE})

    assert failed.error_class is ErrorClass.CONTENT_FILTER
    assert failed.http_status == 200
    assert verdict(failed.error_class, Phase.WAITING).lesson is Lesson.NOTHING


@pytest.mark.parametrize(
    ("word", "error_class"),
    [
        ("MALFORMED_FUNCTION_CALL", ErrorClass.SCHEMA_INVALID),
        ("UNEXPECTED_TOOL_CALL", ErrorClass.SCHEMA_INVALID),
        ("LANGUAGE", ErrorClass.UNSUPPORTED),
        ("MISSING_THOUGHT_SIGNATURE", ErrorClass.UNSUPPORTED),
        ("OTHER", ErrorClass.TRUNCATED),
        ("FINISH_REASON_UNSPECIFIED", ErrorClass.TRUNCATED),
    ],
)
def test_an_answer_that_is_not_whole_is_told_by_the_providers_word(
    word: str, error_class: ErrorClass
) -> None:
    failed = failure(chunk(text("a"), finish=word))

    assert failed.error_class is error_class
    assert f"`{word}`" in failed.detail


def test_a_word_of_a_strangers_is_not_quoted() -> None:
    assert "secret" not in failure(chunk(text("a"), finish="the secret")).detail


@pytest.mark.parametrize(
    ("code", "status", "error_class"),
    [
        (503, "UNAVAILABLE", ErrorClass.TRANSIENT),
        (429, "RESOURCE_EXHAUSTED", ErrorClass.RATE_LIMITED),
        (500, "NO_SUCH_WORD", ErrorClass.TRANSIENT),
    ],
)
def test_an_error_object_inside_a_stream_is_its_class(
    code: int, status: str, error_class: ErrorClass
) -> None:
    error = {"error": {"code": code, "status": status, "message": "the prompt"}}
    failed = failure(chunk(text("a")), error)

    assert failed.error_class is error_class
    assert "prompt" not in failed.detail


# Log probabilities.


def test_tokens_are_told_with_the_text_that_they_are_of() -> None:
    told = chunk(text("Hi there"), text(""))
    candidate = {
        "chosenCandidates": [
            {"token": "Hi", "tokenId": 1, "logProbability": -0.5},
            {"token": " there", "tokenId": 2, "logProbability": 0.1},
        ],
        "topCandidates": [{"candidates": [{"token": "Ho", "logProbability": -1.5}]}],
    }
    told["candidates"][0]["logprobsResult"] = candidate  # type: ignore[index]
    deltas, reader = read(told, STOP, reader=reader_of(logprobs=True))

    top = (TopLogprob(token="Ho", logprob=-1.5),)
    assert deltas[0].logprobs == (
        TokenLogprob(token="Hi", logprob=-0.5, top=top),
        TokenLogprob(token=" there", logprob=0.0),
    )
    assert reader.ending().dropped_parameters == ()
    assert read(told)[0][0].logprobs == ()


def test_tokens_of_thoughts_are_told_to_nobody() -> None:
    told = chunk(text("Hm.", thought=True), text("So"))
    token = {"token": "Hm.", "logProbability": -1.0}
    told["candidates"][0]["logprobsResult"] = {"chosenCandidates": [token]}  # type: ignore[index]

    deltas, _ = read(told, reader=reader_of(logprobs=True))

    assert [delta.logprobs for delta in deltas] == [(), ()]


def test_tokens_that_were_wanted_and_not_told_are_named() -> None:
    _, reader = read(chunk(text("a")), STOP, reader=reader_of(logprobs=True))

    assert reader.ending(dropped_parameters=("sampling.seed",)).dropped_parameters == (
        "sampling.seed",
        "sampling.logprobs",
    )


# Whatever comes.


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"[]",
        b"null",
        b'{"candidates":{}}',
        b'{"candidates":[[]]}',
        b'{"candidates":[{"content":{"parts":[{"text":1}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":"secret"}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"text":"\xff\xfe"}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"a","args":{"a":"\xff"}}}]}}]}',
        b'{"error":"secret"}',
        b'{"candidates":' + b"[" * 100_000,
        b'{"candidates":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"unknown":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"a","args":'
        + b'{"a":' * 100_000
        + b"1"
        + b"}" * 100_000
        + b"}}]}}]}",
    ],
)
def test_what_is_no_chunk_is_malformed_and_not_quoted(payload: bytes) -> None:
    with pytest.raises(AttemptFailed) as failed:
        reader_of(logprobs=True).read(payload)

    assert failed.value.error_class is ErrorClass.MALFORMED
    assert "secret" not in failed.value.detail


@given(payload=st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_failed_attempt(payload: bytes) -> None:
    with contextlib.suppress(AttemptFailed):
        reader_of().read(payload)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "candidates",
                    "content",
                    "parts",
                    "text",
                    "thought",
                    "functionCall",
                    "args",
                    "finishReason",
                    "promptFeedback",
                    "blockReason",
                    "usageMetadata",
                    "error",
                    "details",
                    "logprobsResult",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(value=_JSON)
def test_no_json_raises_anything_but_a_failed_attempt(value: object) -> None:
    reader = reader_of(logprobs=True)
    with contextlib.suppress(AttemptFailed, orjson.JSONEncodeError):
        reader.read(orjson.dumps(value))
        reader.content()
        reader.ending()


WHOLE = (
    chunk(text("Think…", thought=True), responseId="one"),
    chunk(text("Grüße "), text("an 🌍")),
    chunk(text("\n\n“done”")),
    chunk(call("a", {"at": "Zürich", "deep": [{"n": 1}]})),
    chunk(call("b"), finish="STOP", usageMetadata=USAGE),
)
BODY = b"".join(b"data: " + orjson.dumps(each) + b"\r\n\r\n" for each in WHOLE)


def replay(pieces: list[bytes]) -> tuple[dict[int, str], list[str], Ending]:
    """Each block's whole text, the calls' ids, and the ending."""
    parser, reader = SseParser(), reader_of()
    blocks: dict[int, str] = {}
    ids: list[str] = []
    for payloads in itertools.chain(map(parser.feed, pieces), [parser.end()]):
        for payload in payloads:
            reader.read(payload)
        for delta in reader.content():
            blocks[delta.block] = blocks.get(delta.block, "") + delta.text
            ids += [delta.tool_call_id] if delta.tool_call_id else []
    return blocks, ids, reader.ending()


@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=30))
def test_any_cut_of_the_bytes_gives_the_same_answer(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(BODY)]
    pieces = [BODY[start:end] for start, end in itertools.pairwise(bounds)]

    assert replay(pieces) == replay([BODY])


def test_the_answer_that_is_cut_everywhere_says_what_was_said() -> None:
    blocks, ids, ending = replay([BODY[at : at + 1] for at in range(len(BODY))])

    assert blocks == {
        0: "Think…",
        1: "Grüße an 🌍\n\n“done”",
        2: '{"at":"Zürich","deep":[{"n":1}]}',
        3: "{}",
    }
    assert len(set(ids)) == 2
    assert ending.finish_reason is FinishReason.TOOL_CALLS


@given(end=st.integers(0, BODY.rindex(b"data: ") + len(b"data: ")))
def test_no_beginning_of_an_answer_is_a_whole_one(end: int) -> None:
    with pytest.raises(AttemptFailed) as failed:
        replay([BODY[:end]])

    assert failed.value.error_class in (ErrorClass.TRUNCATED, ErrorClass.MALFORMED)


@pytest.mark.parametrize(
    "part", [text("x" * 2**20), text("x" * 2**20, thought=True), call("a", {"x": "x" * 2**20})]
)
def test_an_answer_without_an_end_is_not_kept_for_ever(part: dict[str, object]) -> None:
    with pytest.raises(AttemptFailed) as failed:
        read(*[chunk(part)] * (MAX_COUNTED // 2**20 + 1))

    assert failed.value.error_class is ErrorClass.MALFORMED


def test_as_many_calls_as_a_message_may_have_parts_and_no_more() -> None:
    deltas, reader = read(*[chunk(call("a"))] * MAX_PARTS)

    assert len(deltas) == MAX_PARTS
    with pytest.raises(AttemptFailed) as failed:
        read(chunk(call("a")), reader=reader)
    assert failed.value.error_class is ErrorClass.MALFORMED
