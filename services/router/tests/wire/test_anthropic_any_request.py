"""Whatever a caller asks for, Messages are not asked for what they refuse."""

import itertools
from collections.abc import Sequence

import orjson
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
    Part,
    ResponseFormat,
    ResponseFormatKind,
    Role,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)
from failsoft_router.wire.anthropic.codec import AnthropicCodec
from failsoft_upstream.anthropic.request import parse

_texts = st.text(max_size=12)
_ids = st.text(min_size=1, max_size=12)
_images = st.sampled_from(
    (Image(data=b"\x89PNG", mime_type="image/png"), Image(url="https://x.example/a.jpg"))
)
_arguments = st.dictionaries(_texts, st.integers(0, 9) | _texts, max_size=3).map(
    lambda found: orjson.dumps(found).decode()
)


def _say(role: Role, *parts: Part) -> list[Message]:
    return [Message(role=role, parts=parts)]


@st.composite
def _calls(draw: st.DrawFn) -> list[Message]:
    """Calls of tools, whose results come in one message or in several."""
    ids = draw(st.lists(_ids, min_size=1, max_size=3, unique=True))
    calls = [ToolCall(id=each, name="look", arguments_json=draw(_arguments)) for each in ids]
    results = [
        ToolResult(tool_call_id=each, content=draw(_texts), is_error=draw(st.booleans()))
        for each in draw(st.permutations(ids))
    ]
    said = Text(text=draw(_texts))
    answered: list[Message] = []
    if draw(st.booleans()):
        answered = _say(Role.TOOL, *results)
    else:
        answered = [message for each in results for message in _say(Role.TOOL, each)]
    return [*_say(Role.ASSISTANT, said, *calls), *answered]


_turns = (
    _texts.map(lambda words: _say(Role.USER, Text(text=words)))
    | _texts.map(lambda words: _say(Role.ASSISTANT, Text(text=words)))
    | _texts.map(lambda words: _say(Role.SYSTEM, Text(text=words)))
    | _images.map(lambda image: _say(Role.USER, image))
    | _calls()
)


def _conversation(turns: Sequence[list[Message]]) -> tuple[Message, ...]:
    """It begins with words of a user, and ends with some."""
    begin, end = _say(Role.USER, Text(text="hi")), _say(Role.USER, Text(text="bye"))
    return tuple(itertools.chain(begin, *turns, end))


_schemas = st.recursive(
    st.sampled_from(
        (
            {"type": "integer", "minimum": 1},
            {"type": "string", "format": "phone", "maxLength": 3},
            {"enum": ["a", "b"]},
        )
    ),
    lambda inner: (
        inner.map(lambda each: {"type": "array", "items": each, "minItems": 2})
        | st.lists(inner, min_size=1, max_size=2).map(lambda each: {"oneOf": each})
        | st.dictionaries(_ids, inner, min_size=1, max_size=3).map(
            lambda each: {"type": "object", "properties": each, "required": list(each)}
        )
    ),
    max_leaves=5,
)
_formats = st.just(ResponseFormat()) | _schemas.map(
    lambda schema: ResponseFormat(
        kind=ResponseFormatKind.JSON_SCHEMA, name="n", schema_json=orjson.dumps(schema).decode()
    )
)
_sampling = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1, exclude_min=True),
    top_k=st.none() | st.integers(1, 100),
    max_tokens=st.none() | st.integers(1, 1_000),
    stop=st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple),
    seed=st.none() | st.integers(0, 9),
    presence_penalty=st.none() | st.floats(-2, 2),
)
_requests = st.builds(
    ChatRequest,
    model=st.just("chat"),
    messages=st.lists(_turns, max_size=6).map(_conversation),
    sampling=_sampling,
    tools=st.sampled_from(((), (Tool(name="look"),))),
    tool_choice=st.builds(
        ToolChoice, mode=st.sampled_from([each for each in ToolChoiceMode if each.value != "named"])
    ),
    response_format=_formats,
    continue_from=_texts,
)


@given(_requests, st.sampled_from(("claude-haiku-4-5", "claude-opus-5", "a-strangers-model")))
def test_any_request_is_one_that_the_strict_look_alike_takes(
    request: ChatRequest, model: str
) -> None:
    codec = AnthropicCodec(model=model, context_tokens=200_000)

    asked = parse(codec.encode(request).body)

    assert asked.stream
    assert asked.question.model == model
    if request.sampling.max_tokens is not None:
        assert asked.question.max_tokens == request.sampling.max_tokens


@given(_requests)
def test_what_is_sent_as_it_was_asked_is_not_called_dropped(request: ChatRequest) -> None:
    """And the other way round: a caller is told of each field that was not."""
    codec = AnthropicCodec(model="claude-haiku-4-5", context_tokens=200_000)

    body = orjson.loads(codec.encode(request).body)
    dropped = codec.dropped(request)

    for name in ("temperature", "top_p", "top_k", "seed", "presence_penalty"):
        wanted = getattr(request.sampling, name)
        lost = wanted is not None and body.get(name) != wanted
        assert (f"sampling.{name}" in dropped) is lost
    stops = tuple(body.get("stop_sequences", ()))
    assert ("sampling.stop" in dropped) is (stops != request.sampling.stop)
