"""Whatever conversation callers may send, Gemini takes what becomes of it."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import (
    ChatRequest,
    Image,
    Message,
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
from failsoft_model.limits import violations
from failsoft_router.wire.gemini.request import dropped, encode
from failsoft_upstream.gemini.request import parse

NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,8}", fullmatch=True)
TEXTS = st.text(max_size=20).map(lambda text: Text(text=text))
WORDS = st.text(min_size=1, max_size=20).map(lambda text: Text(text=text))
IMAGES = st.builds(
    Image,
    data=st.binary(min_size=1, max_size=8),
    mime_type=st.sampled_from(["image/png", "image/jpeg"]),
) | st.sampled_from([Image(url="https://x.example/a.png"), Image(url="https://x.example/b")])
ARGUMENTS = st.dictionaries(
    st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5), max_size=3
)


@st.composite
def exchanges(draw: st.DrawFn) -> list[Message]:
    """What one speaker says, or some calls and the results of all of them."""
    match draw(st.sampled_from(["system", "user", "assistant", "calls"])):
        case "system":
            return [Message(role=Role.SYSTEM, parts=(draw(TEXTS),))]
        case "user":
            parts = draw(st.lists(TEXTS | IMAGES, min_size=1, max_size=3))
            return [Message(role=Role.USER, parts=tuple(parts))]
        case "assistant":
            return [Message(role=Role.ASSISTANT, parts=(draw(TEXTS), draw(TEXTS)))]
    ids = draw(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3, unique=True))
    calls = [
        ToolCall(id=each, name=draw(NAMES), arguments_json=orjson.dumps(draw(ARGUMENTS)).decode())
        for each in ids
    ]
    results = [
        ToolResult(
            tool_call_id=each, content=draw(st.text(max_size=9)), is_error=draw(st.booleans())
        )
        for each in draw(st.permutations(ids))
    ]
    split = draw(st.booleans())
    told = [(result,) for result in results] if split else [tuple(results)]
    return [
        Message(role=Role.ASSISTANT, parts=(draw(TEXTS), *calls)),
        *(Message(role=Role.TOOL, parts=parts) for parts in told),
        Message(role=Role.USER, parts=(draw(WORDS),)),
    ]


SAMPLINGS = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0.01, 1),
    top_k=st.none() | st.integers(1, 1000),
    max_tokens=st.none() | st.integers(1, 1_000_000),
    stop=st.lists(st.text(min_size=1, max_size=5), max_size=16).map(tuple),
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
    presence_penalty=st.none() | st.floats(-2, 2),
    frequency_penalty=st.none() | st.floats(-2, 2),
    logprobs=st.just(True),
    top_logprobs=st.integers(0, 20),
)


@st.composite
def requests(draw: st.DrawFn) -> ChatRequest:
    """What the contract allows and the target's capabilities let through."""
    turns = draw(st.lists(exchanges(), max_size=4))
    last = Message(role=Role.USER, parts=(draw(WORDS),))
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    modes = [ToolChoiceMode.AUTO, ToolChoiceMode.NONE]
    modes += [ToolChoiceMode.REQUIRED, ToolChoiceMode.NAMED] if names else []
    mode = draw(st.sampled_from(modes))
    kinds = ResponseFormatKind
    form = draw(st.sampled_from([kinds.TEXT] if names else [kinds.TEXT, kinds.JSON_OBJECT]))
    return ChatRequest(
        model="chat",
        messages=(*(message for turn in turns for message in turn), last),
        sampling=draw(SAMPLINGS),
        tools=tuple(Tool(name=name, parameters_json='{"type":"object"}') for name in names),
        tool_choice=ToolChoice(mode=mode, name=names[0] if mode is ToolChoiceMode.NAMED else ""),
        response_format=ResponseFormat(kind=form),
        continue_from=draw(st.just("") | st.text(min_size=1, max_size=5)),
    )


@given(asked=requests(), model=st.sampled_from(["gemini-2.5-flash", "gemini-3-pro"]))
def test_every_request_of_the_contracts_is_taken(asked: ChatRequest, model: str) -> None:
    """The look-alike is as strict as Gemini; what it refuses would end a walk."""
    assert violations(asked) == ()

    taken = parse(encode(asked, model=model), model=model)

    assert asked.messages[-1].text in taken.question.text
    assert taken.question.max_tokens == asked.sampling.max_tokens
    assert ("sampling.stop" in dropped(asked)) == (taken.question.stops != asked.sampling.stop)
