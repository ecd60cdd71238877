"""A streamed message is whole, or it is a failure of the right class; nothing between."""

import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import ChatRequest, Message, Part, Role, Sampling, Text, ToolCall
from failsoft_model.events import BlockKind, Delta
from failsoft_model.limits import MAX_PARTS
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.ports import AttemptFailed, Ending
from failsoft_router.wire.anthropic.codec import AnthropicCodec
from failsoft_router.wire.anthropic.stream import EventReader
from failsoft_router.wire.size import MAX_COUNTED
from failsoft_router.wire.sse import SseParser

Event = dict[str, object]

PING: Event = {"type": "ping"}
STOP: Event = {"type": "message_stop"}


def start(**usage: int) -> Event:
    message = {"id": "msg_1", "role": "assistant", "model": "claude-1", "content": []}
    return {"type": "message_start", "message": {**message, "usage": usage}}


def block(index: int, kind: str, **fields: object) -> Event:
    return {
        "type": "content_block_start",
        "index": index,
        "content_block": {"type": kind, **fields},
    }


def delta(index: int, kind: str, **fields: object) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def close(index: int) -> Event:
    return {"type": "content_block_stop", "index": index}


def finish(reason: str = "end_turn", **usage: int) -> Event:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": usage,
    }


def text(index: int, *pieces: str) -> list[Event]:
    deltas = [delta(index, "text_delta", text=piece) for piece in pieces]
    return [block(index, "text", text=""), *deltas, close(index)]


def call(index: int, call_id: str, name: str, *pieces: str) -> list[Event]:
    deltas = [delta(index, "input_json_delta", partial_json=piece) for piece in ("", *pieces)]
    return [block(index, "tool_use", id=call_id, name=name, input={}), *deltas, close(index)]


FULL: list[Event] = [
    start(input_tokens=5, cache_read_input_tokens=7, cache_creation_input_tokens=11),
    block(0, "thinking", thinking="", signature=""),
    PING,
    delta(0, "thinking_delta", thinking="Hm"),
    delta(0, "thinking_delta", thinking="m."),
    delta(0, "signature_delta", signature="c2VjcmV0"),
    close(0),
    block(1, "redacted_thinking", data="c2VjcmV0"),
    close(1),
    *text(2, "Wet", "ter? ☂"),
    *call(3, "toolu_1", "weather", '{"place": "Z', 'ürich"}'),
    *call(4, "toolu_2", "weather", '{"place": "Bern"}'),
    finish("tool_use", output_tokens=13),
    STOP,
]
"""A message with everything that the API reference shows."""


def reader(*, may_say_nothing: bool = False) -> EventReader:
    return EventReader(model="asked", may_say_nothing=may_say_nothing)


def read(*events: object) -> tuple[list[Delta], EventReader]:
    """What each event says when it comes by itself."""
    it = reader()
    deltas: list[Delta] = []
    for each in events:
        it.read(orjson.dumps(each))
        deltas += it.content()
    return deltas, it


def failure(*events: object) -> AttemptFailed:
    with pytest.raises(AttemptFailed) as failed:
        read(*events)[1].ending()
    return failed.value


# Content.


def test_everything_that_the_reference_shows_is_understood() -> None:
    deltas, it = read(*FULL)

    assert deltas == [
        Delta(text="Hm", kind=BlockKind.REASONING),
        Delta(text="m.", kind=BlockKind.REASONING),
        Delta(text="Wet", block=1),
        Delta(text="ter? ☂", block=1),
        Delta(
            text="", kind=BlockKind.TOOL_CALL, block=2, tool_call_id="toolu_1", tool_name="weather"
        ),
        Delta(text='{"place": "Z', kind=BlockKind.TOOL_CALL, block=2),
        Delta(text='ürich"}', kind=BlockKind.TOOL_CALL, block=2),
        Delta(
            text="", kind=BlockKind.TOOL_CALL, block=3, tool_call_id="toolu_2", tool_name="weather"
        ),
        Delta(text='{"place": "Bern"}', kind=BlockKind.TOOL_CALL, block=3),
    ]
    assert it.ending() == Ending(
        finish_reason=FinishReason.TOOL_CALLS,
        model="claude-1",
        response_id="msg_1",
        usage=Usage(input_tokens=23, output_tokens=13, cached_input_tokens=7),
    )


def test_a_thoughts_signature_is_told_to_nobody() -> None:
    """Another provider has no use for it, and must not be shown it."""
    deltas, it = read(*FULL)

    assert "c2VjcmV0" not in repr((deltas, it.ending()))


@pytest.mark.parametrize(
    "silent",
    [
        PING,
        start(input_tokens=1),
        block(0, "text", text=""),
        delta(0, "text_delta", text=""),
        delta(0, "text_delta", text=None),
        delta(0, "thinking_delta", thinking=""),
        delta(0, "signature_delta", signature="c2ln"),
        block(0, "server_tool_use", id="srv_1", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"a"'),
        close(0),
        {"type": "message_delta", "delta": {"stop_reason": None}},
        {"type": "something_new", "index": 3},
        {},
    ],
)
def test_what_carries_no_content_is_nothing(silent: Event) -> None:
    """A target that keeps talking without saying anything must not look alive."""
    deltas, it = read(silent)

    assert deltas == []
    assert not it.finished


def test_a_call_without_arguments_has_an_empty_object() -> None:
    """Nothing is no JSON, and the caller parses it."""
    deltas, _ = read(*call(0, "toolu_1", "now"), finish("tool_use"))

    assert "".join(each.text for each in deltas) == "{}"


def test_calls_whose_arguments_have_no_end_are_given_with_the_answer() -> None:
    """The one before may still go on, as far as its JSON tells."""
    deltas, _ = read(
        *call(0, "toolu_1", "a", '{"x"'), *call(1, "toolu_2", "b", '{"y"'), finish("max_tokens")
    )

    assert [each[2:] for each in merged(deltas)] == [
        ("toolu_1", "a", '{"x"'),
        ("toolu_2", "b", '{"y"'),
    ]


def test_arguments_that_come_with_the_call_are_not_lost() -> None:
    """Some servers of this dialect tell them at once."""
    begun = block(0, "tool_use", id="t", name="now", input={"zone": "UTC"})

    deltas, _ = read(begun, finish("tool_use"))

    assert orjson.loads("".join(each.text for each in deltas)) == {"zone": "UTC"}


# The end.


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
    ],
)
def test_a_stop_reason_ends_a_whole_answer(word: str, reason: FinishReason) -> None:
    assert read(*text(0, "hi"), finish(word))[1].ending().finish_reason is reason


def test_a_refusal_is_a_filter_even_after_content() -> None:
    said = [*text(0, "I"), finish("refusal", output_tokens=1), STOP]

    assert failure(*said).error_class is ErrorClass.CONTENT_FILTER


@pytest.mark.parametrize("word", ["pause_turn", "compaction", "secret words of a prompt"])
def test_an_unknown_stop_reason_ends_a_broken_answer(word: str) -> None:
    found = failure(*text(0, "hi"), finish(word))

    assert found.error_class is ErrorClass.TRUNCATED
    assert "secret" not in found.detail


@pytest.mark.parametrize("after", range(len(FULL) - 2))
def test_an_answer_that_is_cut_anywhere_is_truncated(after: int) -> None:
    assert failure(*FULL[:after]).error_class is ErrorClass.TRUNCATED


def test_an_end_without_its_mark_is_an_end() -> None:
    it = read(*FULL[:-1])[1]

    assert it.complete
    assert it.ending().finish_reason is FinishReason.TOOL_CALLS


def test_usage_that_may_still_come_is_waited_for_up_to_the_mark() -> None:
    told = [start(input_tokens=3, output_tokens=1), *text(0, "hi"), finish()]
    waiting, over = read(*told)[1], read(*told, STOP)[1]

    assert (waiting.finished, waiting.complete) == (True, False)
    assert (over.finished, over.complete) == (True, True)
    assert over.ending().usage is None


def test_an_answer_that_says_nothing_is_broken_unless_the_request_explains_it() -> None:
    assert failure(start(), finish(), STOP).error_class is ErrorClass.TRUNCATED

    explained = reader(may_say_nothing=True)
    explained.read(orjson.dumps(finish()))
    assert explained.ending().finish_reason is FinishReason.STOP


@pytest.mark.parametrize("said", [[], text(0, "hi")])
def test_an_error_event_ends_the_answer_whenever_it_comes(said: list[Event]) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    assert failure(start(), *said, error).error_class is ErrorClass.TRANSIENT


# What has no end.


def test_calls_without_an_end_are_malformed() -> None:
    calls = [block(n, "tool_use", id=f"t{n}", name="a", input={}) for n in range(MAX_PARTS + 1)]

    assert failure(*calls).error_class is ErrorClass.MALFORMED


def test_text_without_an_end_is_malformed() -> None:
    piece = delta(0, "text_delta", text="x" * (MAX_COUNTED // 2))

    assert failure(piece, piece, piece).error_class is ErrorClass.MALFORMED


# Whatever the bytes.


def framed(events: list[Event]) -> bytes:
    """As Anthropic sends them: each event with its name."""
    return b"".join(
        b"event: " + str(each["type"]).encode() + b"\ndata: " + orjson.dumps(each) + b"\n\n"
        for each in events
    )


WIRE = framed(FULL)


def merged(deltas: list[Delta]) -> list[tuple[int, BlockKind, str, str, str]]:
    """The blocks that deltas make, whatever they were cut into."""
    blocks: dict[int, tuple[int, BlockKind, str, str, str]] = {}
    for each in deltas:
        number, kind, call_id, name, said = blocks.get(
            each.block, (each.block, each.kind, "", "", "")
        )
        blocks[each.block] = (
            number,
            kind,
            call_id + each.tool_call_id,
            name + each.tool_name,
            said + each.text,
        )
    return list(blocks.values())


@given(st.lists(st.integers(min_value=0, max_value=len(WIRE))))
def test_any_cut_of_the_bytes_gives_the_same_answer(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(WIRE)]
    parser, it = SseParser(), reader()
    deltas: list[Delta] = []
    for begin, end in itertools.pairwise(places):
        for payload in parser.feed(WIRE[begin:end]):
            it.read(payload)
        deltas += it.content()

    expected, whole = read(*FULL)
    assert merged(deltas) == merged(expected)
    assert it.ending() == whole.ending()


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**60) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("type", "index", "delta", "content_block", "text", "error", "usage")),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(_json.map(orjson.dumps) | st.binary(max_size=64))
def test_any_payload_is_read_or_refused(payload: bytes) -> None:
    """Whatever a stranger sends, a walk goes on."""
    it = reader()
    try:
        it.read(payload)
        it.ending()
    except AttemptFailed:
        pass


@given(
    st.lists(st.sampled_from(FULL), max_size=20),
    st.integers(min_value=0, max_value=2),
)
def test_events_in_any_order_are_read_or_refused(events: list[Event], ends: int) -> None:
    it = reader()
    try:
        for each in [*events, *[finish()] * ends]:
            it.read(orjson.dumps(each))
            it.content()
        it.ending()
    except AttemptFailed:
        pass


def test_json_without_a_bottom_is_malformed() -> None:
    deep = b'{"type":"content_block_start","content_block":' + b"[" * 10_000 + b"]" * 10_000 + b"}"

    with pytest.raises(AttemptFailed) as failed:
        reader().read(deep)

    assert failed.value.error_class is ErrorClass.MALFORMED


def test_arguments_that_are_no_unicode_are_malformed() -> None:
    begun = block(0, "tool_use", id="t", name="n", input={"a": "@"})

    with pytest.raises(AttemptFailed) as failed:
        reader().read(orjson.dumps(begun).replace(b"@", b"\xff"))

    assert failed.value.error_class is ErrorClass.MALFORMED


# There and back.


_names = st.from_regex(r"[a-zA-Z0-9_-]{1,16}", fullmatch=True)
_arguments = st.dictionaries(st.text(max_size=5), st.integers(0, 9) | st.text(max_size=5))
_words = st.text(min_size=1, max_size=20).filter(str.strip)


@given(
    _words, st.lists(st.tuples(_names, _names, _arguments), max_size=3, unique_by=lambda c: c[0])
)
def test_an_answer_that_is_sent_back_is_what_was_said(
    words: str, calls: list[tuple[str, str, dict[str, object]]]
) -> None:
    """The next turn of a conversation holds what this provider said in the turn before."""
    told = [
        each
        for number, (call_id, name, arguments) in enumerate(calls, 1)
        for each in call(number, call_id, name, orjson.dumps(arguments).decode())
    ]
    deltas, _ = read(start(), *text(0, words), *told, finish("tool_use"))
    parts: list[Part] = [
        Text(text=said)
        if kind is BlockKind.TEXT
        else ToolCall(id=call_id, name=name, arguments_json=said)
        for _, kind, call_id, name, said in merged(deltas)
    ]
    asked = ChatRequest(
        model="chat",
        messages=(
            Message(role=Role.USER, parts=(Text(text="hello"),)),
            Message(role=Role.ASSISTANT, parts=tuple(parts)),
            Message(role=Role.USER, parts=(Text(text="go on"),)),
        ),
        sampling=Sampling(),
    )

    post = AnthropicCodec(model="claude-haiku-4-5", context_tokens=0).encode(asked)

    assert orjson.loads(post.body)["messages"][1]["content"] == [
        {"type": "text", "text": words},
        *(
            {"type": "tool_use", "id": call_id, "name": name, "input": arguments}
            for call_id, name, arguments in calls
        ),
    ]


def test_what_is_no_name_is_not_passed_on_as_the_models() -> None:
    message = {"id": "msg_1", "model": "x" * 257, "usage": {}}
    _, answer = read({"type": "message_start", "message": message}, *text(0, "x"), finish(), STOP)

    assert answer.ending().model == "asked"
