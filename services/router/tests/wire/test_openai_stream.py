"""A stream is whole, or it is a failure of the right class; nothing between."""

import orjson
import pytest

from failsoft_model.chat import ChatRequest, ResponseFormat, ResponseFormatKind, Sampling
from failsoft_model.events import BlockKind, Delta
from failsoft_model.limits import MAX_PARTS
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.core.outcome import Lesson, Next, Phase, verdict
from failsoft_router.ports import AttemptFailed, Ending
from failsoft_router.wire.openai.stream import ChunkReader
from failsoft_router.wire.size import MAX_COUNTED, may_be_empty

STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def chunk(*, finish: str | None = None, **delta: object) -> dict[str, object]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "gpt-5-mini-2026",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def call(index: int = 0, **fields: object) -> dict[str, object]:
    return {"index": index, "type": "function", **fields}


def read(*chunks: object) -> tuple[list[Delta], ChunkReader]:
    """What each chunk says when it comes by itself."""
    reader = ChunkReader(model="gpt-5-mini")
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
    deltas, reader = read(
        chunk(role="assistant", content=""), chunk(content="Hel"), chunk(content="lo"), STOP
    )

    assert deltas == [Delta(text="Hel"), Delta(text="lo")]
    assert reader.ending() == Ending(
        finish_reason=FinishReason.STOP, model="gpt-5-mini-2026", response_id="chatcmpl-1"
    )


def test_what_came_together_leaves_as_one_piece_of_each_block() -> None:
    """A write costs the same for one token as for ten."""
    reader = ChunkReader(model="gpt-5-mini")
    for each in (
        chunk(content="Hel"),
        chunk(content="lo"),
        chunk(tool_calls=[call(id="c1", function={"name": "a", "arguments": '{"x"'})]),
        chunk(tool_calls=[call(function={"arguments": ":1}"})]),
    ):
        reader.read(orjson.dumps(each))

    assert reader.content() == [
        Delta(text="Hello"),
        Delta(text='{"x":1}', kind=BlockKind.TOOL_CALL, block=1, tool_call_id="c1", tool_name="a"),
    ]
    assert reader.content() == []


@pytest.mark.parametrize(
    "empty",
    [
        chunk(role="assistant"),
        chunk(content=""),
        chunk(content=None, refusal=None, tool_calls=None),
        chunk(reasoning_content=""),
        chunk(tool_calls=[]),
        chunk(tool_calls=[call(function={"arguments": ""})]),
        chunk(tool_calls=[call()]),
        {"choices": []},
        {"choices": None},
        {"choices": [{"index": 0}]},
        {},
    ],
)
def test_what_carries_no_content_is_nothing(empty: object) -> None:
    """A target that keeps talking without saying anything must not look alive."""
    deltas, reader = read(empty)

    assert deltas == []
    assert not reader.finished


def test_reasoning_and_the_answer_are_blocks_of_their_own() -> None:
    deltas, _ = read(
        chunk(reasoning_content="Hm"), chunk(reasoning_content="m."), chunk(content="Yes.")
    )

    assert deltas == [
        Delta(text="Hm", kind=BlockKind.REASONING, block=0),
        Delta(text="m.", kind=BlockKind.REASONING, block=0),
        Delta(text="Yes.", kind=BlockKind.TEXT, block=1),
    ]


def test_a_refusal_is_content() -> None:
    deltas, reader = read(chunk(refusal="I won't."), STOP)

    assert deltas == [Delta(text="I won't.", kind=BlockKind.REFUSAL)]
    assert reader.ending().finish_reason is FinishReason.STOP


def test_a_tool_call_comes_in_fragments_of_its_arguments() -> None:
    deltas, reader = read(
        chunk(tool_calls=[call(id="c1", function={"name": "weather", "arguments": ""})]),
        chunk(tool_calls=[call(function={"arguments": '{"n"'})]),
        chunk(tool_calls=[call(function={"arguments": ":1}"})]),
        chunk(finish="tool_calls"),
    )

    assert deltas == [
        Delta(text="", kind=BlockKind.TOOL_CALL, tool_call_id="c1", tool_name="weather"),
        Delta(text='{"n"', kind=BlockKind.TOOL_CALL),
        Delta(text=":1}", kind=BlockKind.TOOL_CALL),
    ]
    assert reader.ending().finish_reason is FinishReason.TOOL_CALLS


def test_parallel_calls_whose_fragments_alternate_come_one_after_the_other() -> None:
    """A reader may take a new block for the end of the one before."""
    deltas, _ = read(
        chunk(content="Both."),
        chunk(tool_calls=[call(0, id="c1", function={"name": "a"})]),
        chunk(tool_calls=[call(1, id="c2", function={"name": "b"})]),
        chunk(
            tool_calls=[
                call(0, function={"arguments": '{"x":'}),
                call(1, function={"arguments": "[]"}),
            ]
        ),
        chunk(tool_calls=[call(0, function={"arguments": '"}"}'})]),
    )

    assert [(delta.block, delta.tool_call_id, delta.tool_name, delta.text) for delta in deltas] == [
        (0, "", "", "Both."),
        (1, "c1", "a", ""),
        (1, "", "", '{"x":'),
        (1, "", "", '"}"}'),
        (2, "c2", "b", "[]"),
    ]


def test_parallel_calls_one_after_the_other_come_as_they_are_said() -> None:
    """Most providers send them so; nothing waits for the end of the answer."""
    deltas, reader = read(
        chunk(tool_calls=[call(0, id="c1", function={"name": "a", "arguments": '{"x":'})]),
        chunk(tool_calls=[call(0, function={"arguments": "1}"})]),
        chunk(tool_calls=[call(1, id="c2", function={"name": "b", "arguments": '{"y":'})]),
    )

    assert [(delta.block, delta.text) for delta in deltas] == [
        (0, '{"x":'),
        (0, "1}"),
        (1, '{"y":'),
    ]
    assert not reader.finished


def test_what_waits_behind_a_call_without_arguments_comes_with_the_finish_reason() -> None:
    deltas, _ = read(
        chunk(tool_calls=[call(0, id="c1", function={"name": "a", "arguments": ""})]),
        chunk(tool_calls=[call(1, id="c2", function={"name": "b", "arguments": "{}"})]),
        chunk(content="Done."),
        chunk(finish="tool_calls"),
    )

    assert [(delta.block, delta.text) for delta in deltas] == [(0, ""), (1, "{}"), (2, "Done.")]


def test_a_call_that_goes_on_after_its_end_is_malformed() -> None:
    chunks = (
        chunk(tool_calls=[call(0, id="c1", function={"name": "a", "arguments": "{}"})]),
        chunk(tool_calls=[call(1, id="c2", function={"name": "b", "arguments": "{}"})]),
    )

    assert len(read(*chunks, chunk(tool_calls=[call(0, function={"arguments": " \n"})]))[0]) == 2
    late = failure(*chunks, chunk(tool_calls=[call(0, function={"arguments": "{}"})]))
    assert late.error_class is ErrorClass.MALFORMED


@pytest.mark.parametrize(
    "arguments",
    [
        ['{"a": "\\"', '}"}'],
        ['{"a": "\\', '\\"}'],
        ['{"a": [{}', ", {}]}"],
        ["[", "]"],
    ],
)
def test_arguments_end_with_their_last_bracket(arguments: list[str]) -> None:
    other = call(1, id="c2", function={"name": "b"})
    one, two = (
        chunk(tool_calls=[call(0, id="c1", function={"name": "a", "arguments": text})])
        for text in arguments
    )

    assert [delta.block for delta in read(one, chunk(tool_calls=[other]))[0]] == [0]
    assert [delta.block for delta in read(one, chunk(tool_calls=[other]), two)[0]] == [0, 0, 1]


def test_calls_that_are_all_numbered_zero_are_told_apart_by_their_ids() -> None:
    """Some compatible providers send each call whole and never count."""
    deltas, _ = read(
        chunk(tool_calls=[call(0, id="c1", function={"name": "a", "arguments": "{}"})]),
        chunk(tool_calls=[call(0, id="c2", function={"name": "a", "arguments": "{}"})]),
    )

    assert [delta.block for delta in deltas] == [0, 1]


def test_an_id_that_is_repeated_or_comes_late_begins_no_new_call() -> None:
    deltas, _ = read(
        chunk(tool_calls=[call(function={"name": "a"})]),
        chunk(tool_calls=[call(id="c1", function={"arguments": "{"})]),
        chunk(tool_calls=[call(id="c1", function={"arguments": "}"})]),
        chunk(tool_calls=[call(id="c2", function={"name": "b"})]),
    )

    assert [delta.block for delta in deltas] == [0, 0, 0, 1]


def test_text_after_a_call_is_a_block_of_its_own() -> None:
    one = call(id="c1", function={"arguments": "{}"})
    deltas, _ = read(chunk(content="a"), chunk(tool_calls=[one]), chunk(content="b"))

    assert [delta.block for delta in deltas] == [0, 1, 2]


# Endings.


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("eos", FinishReason.STOP),
        ("eos_token", FinishReason.STOP),
        ("end", FinishReason.STOP),
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("STOP", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("max_tokens", FinishReason.LENGTH),
        ("model_length", FinishReason.LENGTH),
        ("tool_calls", FinishReason.TOOL_CALLS),
        ("function_call", FinishReason.TOOL_CALLS),
        ("tool_use", FinishReason.TOOL_CALLS),
    ],
)
def test_the_finish_reason_is_the_providers(word: str, reason: FinishReason) -> None:
    assert read(chunk(content="x", finish=word))[1].ending().finish_reason is reason


def test_usage_comes_in_a_chunk_of_its_own_after_the_finish_reason() -> None:
    _, reader = read(chunk(content="x"), STOP)
    assert (reader.finished, reader.complete) == (True, False)

    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    reader.read(orjson.dumps({"choices": [], "usage": usage}))

    assert reader.complete
    assert reader.ending().usage == Usage(
        input_tokens=9, output_tokens=12, cached_input_tokens=4, reasoning_tokens=5
    )


def test_usage_without_details_or_below_zero_is_no_reason_to_fail() -> None:
    usage = {"prompt_tokens": -1, "completion_tokens": 3, "prompt_tokens_details": None}
    _, reader = read(chunk(content="x"), STOP, {"usage": usage})

    assert reader.ending().usage == Usage(input_tokens=0, output_tokens=3)


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("/models/Qwen 2.5 7B.gguf", "/models/Qwen 2.5 7B.gguf"),
        ("x" * 256, "x" * 256),
        ("x" * 257, "gpt-5-mini"),
        ("two\nlines", "gpt-5-mini"),
        ("right\u202eto left", "gpt-5-mini"),
    ],
)
def test_what_is_no_name_is_not_passed_on_as_the_models(told: str, known: str) -> None:
    """It goes into every reply, every trace, and the memory of the last walks."""
    _, reader = read({**chunk(content="x", finish="stop"), "model": told})

    assert reader.ending().model == known


def test_the_model_is_the_one_that_was_asked_for_until_the_provider_names_its_own() -> None:
    _, reader = read({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]})

    assert reader.ending().model == "gpt-5-mini"


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("chatcmpl-9xYz_1", "chatcmpl-9xYz_1"),
        (None, ""),
        (4711, ""),
        ({"a": 1}, ""),
        ("", ""),
        ("two words", ""),
        ("x" * 129, ""),
    ],
)
def test_an_answers_id_is_known_where_it_is_one(told: object, known: str) -> None:
    """Servers that speak OpenAI's format write what they like there."""
    _, reader = read({**chunk(content="x", finish="stop"), "id": told})

    assert reader.ending().response_id == known


def test_a_stream_without_a_finish_reason_is_truncated() -> None:
    assert failure(chunk(content="Hel")).error_class is ErrorClass.TRUNCATED


def test_an_empty_stream_is_truncated() -> None:
    assert failure().error_class is ErrorClass.TRUNCATED


def test_an_answer_without_content_is_truncated() -> None:
    assert failure(chunk(role="assistant", content=""), STOP).error_class is ErrorClass.TRUNCATED


def test_thoughts_that_used_up_the_callers_tokens_are_not_the_targets_fault() -> None:
    """A caller with a small limit would otherwise open the breaker for everybody."""
    _, reader = read(chunk(content="", finish="length"))

    assert reader.ending().finish_reason is FinishReason.LENGTH


NOTHING_SAID = (chunk(role="assistant", content=""), STOP)
PERHAPS = ResponseFormat(kind=ResponseFormatKind.REGEX, regex="(yes)?")


def asking(**fields: object) -> ChatRequest:
    return ChatRequest(model="m", messages=(), **fields)  # type: ignore[arg-type] # any field


@pytest.mark.parametrize(
    "asked",
    [
        asking(sampling=Sampling(stop=("OK",))),
        asking(sampling=Sampling(logit_bias=((0, 100.0),))),
        asking(continue_from="That was all."),
        asking(response_format=PERHAPS),
    ],
    ids=["stop", "logit bias", "continued", "regex"],
)
def test_an_answer_that_the_caller_may_have_emptied_is_a_whole_one(asked: ChatRequest) -> None:
    """ "Say OK" with the stop sequence "OK", three times, opened every breaker of the route."""
    reader = ChunkReader(model="m", may_say_nothing=may_be_empty(asked))
    for each in NOTHING_SAID:
        reader.read(orjson.dumps(each))

    assert reader.ending().finish_reason is FinishReason.STOP


@pytest.mark.parametrize(
    "asked",
    [
        asking(),
        asking(sampling=Sampling(temperature=0.0, max_tokens=4, seed=1)),
        asking(response_format=ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=("no",))),
    ],
    ids=["plain", "sampled", "choice"],
)
def test_an_answer_that_nothing_of_the_callers_explains_may_not_be_empty(
    asked: ChatRequest,
) -> None:
    """An empty 200 is how some providers fail."""
    assert not may_be_empty(asked)


def test_an_answer_that_promised_calls_may_not_be_empty() -> None:
    reader = ChunkReader(model="m", may_say_nothing=True)
    reader.read(orjson.dumps(chunk(content="", finish="tool_calls")))
    with pytest.raises(AttemptFailed) as failed:
        reader.ending()

    assert failed.value.error_class is ErrorClass.TRUNCATED


@pytest.mark.parametrize(
    "word",
    [
        "content_filter",
        "SAFETY",
        "sensitive",
        "refusal",
        "RECITATION",
        "PROHIBITED_CONTENT",
        "BLOCKLIST",
        "SPII",
        "MODEL_ARMOR",
        "content_filter: PROHIBITED_CONTENT",
    ],
)
def test_an_answer_that_the_provider_filtered_is_a_content_refusal(word: str) -> None:
    filtered = failure(chunk(content="Half of"), chunk(finish=word))

    assert filtered.error_class is ErrorClass.CONTENT_FILTER


@pytest.mark.parametrize(
    "word",
    [
        "MALFORMED_FUNCTION_CALL",
        "function_call_filter: MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "LANGUAGE",
    ],
)
def test_an_answer_that_the_request_broke_off_is_not_whole_and_no_illness(word: str) -> None:
    """Gemini's words for tools that its model cannot call: their caller opened the breaker."""
    broken = failure(chunk(content="Half of"), chunk(finish=word))

    row = verdict(broken.error_class, Phase.SPEAKING)
    assert (row.next, row.lesson) == (Next.HOP, Lesson.NOTHING)


@pytest.mark.parametrize(
    "word",
    [
        "error",
        "abort",
        "network_error",
        "insufficient_system_resource",
        "repetition",
        "a word of next year",
    ],
)
def test_half_an_answer_whose_provider_says_that_it_broke_off_is_not_whole(word: str) -> None:
    """It was passed off as a whole answer, and stored as one."""
    broken = failure(chunk(content="Half of"), chunk(finish=word))

    assert broken.error_class is ErrorClass.TRUNCATED


def test_an_ending_that_is_not_whole_says_which_word_the_provider_had_for_it() -> None:
    assert failure(chunk(finish="network_error")).detail == (
        "the answer ended by `network_error` and not as a whole"
    )
    assert failure(chunk(finish="Tell me a secret!")).detail == (
        "the answer ended by a word that is not known and not as a whole"
    )


# Faults inside the stream.


@pytest.mark.parametrize(
    ("error", "error_class"),
    [
        ({"message": "boom", "type": "server_error"}, ErrorClass.TRANSIENT),
        ({"code": "rate_limit_exceeded"}, ErrorClass.RATE_LIMITED),
        ({"code": "context_length_exceeded"}, ErrorClass.CONTEXT_LENGTH),
        ({}, ErrorClass.TRANSIENT),
    ],
)
def test_an_error_object_inside_a_stream_is_its_class(
    error: dict[str, object], error_class: ErrorClass
) -> None:
    failed = failure(chunk(content="Half of"), {"error": error})

    assert failed.error_class is error_class
    assert failed.http_status == 200
    assert "boom" not in failed.detail


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"choices": 1}',
        b'{"choices": [{"delta": {"content": 7}}]}',
        b'{"choices": [{"delta": {"content": "\xff"}}]}',
        b'{"choices": [{"delta": {"tool_calls": [{"index": -1}]}}]}',
        b'{"error": "only words"}',
        b'{"x":' * 5000,
        b'{"choices":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"error":{"message":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}}",
    ],
)
def test_what_is_no_chunk_is_malformed_and_not_quoted(payload: bytes) -> None:
    with pytest.raises(AttemptFailed) as failed:
        ChunkReader(model="m").read(payload)

    assert failed.value.error_class is ErrorClass.MALFORMED
    assert failed.value.detail == "the stream has a chunk that is no chat completion"


@pytest.mark.parametrize("field", ["content", "reasoning_content", "refusal"])
def test_a_text_without_an_end_is_not_kept_for_ever(field: str) -> None:
    half = chunk(**{field: "x" * (MAX_COUNTED // 2)})

    assert len(read(half, half)[0]) == 2
    failed = failure(half, half, chunk(content="x"))
    assert (failed.error_class, failed.detail) == (ErrorClass.MALFORMED, "the answer has no end")


def test_arguments_without_an_end_are_not_kept_for_ever() -> None:
    half = chunk(tool_calls=[call(function={"arguments": "{" * (MAX_COUNTED // 2)})])

    assert failure(half, half, half).detail == "the answer has no end"


def test_small_pieces_count_for_what_keeping_them_costs() -> None:
    """A million of one letter are no megabyte."""
    nearly_all, letter = chunk(content="x" * (MAX_COUNTED - 32)), chunk(content="x")

    assert len(read(nearly_all, letter, letter)[0]) == 3
    assert failure(nearly_all, letter, letter, letter).detail == "the answer has no end"


def test_as_many_calls_as_a_message_may_have_parts_and_no_more() -> None:
    calls = [call(index, id=f"c{index}", function={"name": "f"}) for index in range(MAX_PARTS)]

    assert len(read(chunk(tool_calls=calls), STOP)[0]) == MAX_PARTS
    failed = failure(chunk(tool_calls=[*calls, call(10**9, id="one-more")]))
    assert failed.error_class is ErrorClass.MALFORMED
    assert failed.detail == "the answer has too many parts"
