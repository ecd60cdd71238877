"""Requests arrive as they were sent, and wrong ones are refused with every field's path."""

import dataclasses

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from failsoft.inference.v1 import chat_pb2 as pb
from failsoft.inference.v1.inference_service_pb2 import (
    CountTokensRequest,
    GenerateRequest,
    StreamGenerateRequest,
)
from failsoft_kit.wire.inference import decode_request, encode_request
from failsoft_model.chat import (
    CacheControl,
    ChatRequest,
    Criticality,
    Degradation,
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
from failsoft_model.errors import InvalidRequest

text = st.text(max_size=8)
names = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
objects = st.sampled_from(["{}", '{"a": [1]}'])


def messages(role: Role, parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Message]:
    several = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.builds(Message, role=st.just(role), parts=several)


texts = st.builds(Text, text=text)
images = st.builds(
    Image, data=st.binary(min_size=1, max_size=4), mime_type=st.just("image/png")
) | st.builds(Image, url=st.just("https://example.org/x.png"))
calls = st.builds(ToolCall, id=text, name=text, arguments_json=objects)
results = st.builds(ToolResult, tool_call_id=text, content=text, is_error=st.booleans())
questions = messages(Role.USER, texts | images) | messages(Role.TOOL, results)
turns = questions | messages(Role.SYSTEM, texts) | messages(Role.ASSISTANT, texts | calls)
penalties = st.none() | st.floats(-2, 2)
requests = st.builds(
    ChatRequest,
    model=text,
    messages=st.tuples(turns, questions),
    sampling=st.builds(
        Sampling,
        temperature=st.none() | st.floats(0, 2),
        top_p=st.none() | st.floats(0.01, 1),
        top_k=st.none() | st.integers(1, 1000),
        max_tokens=st.none() | st.integers(1, 1_000_000),
        stop=st.lists(st.text(min_size=1, max_size=4), max_size=3).map(tuple),
        seed=st.none() | st.integers(-(2**63), 2**63 - 1),
        presence_penalty=penalties,
        frequency_penalty=penalties,
        logprobs=st.just(True),
        top_logprobs=st.integers(0, 20),
        logit_bias=st.dictionaries(st.integers(0, 2**32 - 1), st.floats(-100, 100), max_size=3).map(
            lambda biases: tuple(sorted(biases.items()))
        ),
    ),
    tools=st.just((Tool(name="add", description="adds", parameters_json="{}"), Tool(name="sub"))),
    tool_choice=st.builds(
        ToolChoice, mode=st.sampled_from([m for m in ToolChoiceMode if m.name != "NAMED"])
    )
    | st.just(ToolChoice(mode=ToolChoiceMode.NAMED, name="sub")),
    response_format=st.builds(
        ResponseFormat,
        kind=st.sampled_from([ResponseFormatKind.TEXT, ResponseFormatKind.JSON_OBJECT]),
    )
    | st.builds(
        ResponseFormat,
        kind=st.just(ResponseFormatKind.JSON_SCHEMA),
        name=names,
        schema_json=objects,
    ),
    cache_control=st.builds(
        CacheControl,
        no_cache=st.booleans(),
        no_store=st.booleans(),
        max_age=st.none() | st.integers(0, 10**9).map(float) | st.just(0.25),
    ),
    request_id=names,
    criticality=st.sampled_from(Criticality),
    continue_from=text,
    refused_degradations=st.frozensets(
        st.sampled_from([d for d in Degradation if d is not Degradation.NONE])
    ),
)

FORMS = {
    "a regex": ResponseFormat(kind=ResponseFormatKind.REGEX, regex="[a-z]+"),
    "a choice": ResponseFormat(kind=ResponseFormatKind.CHOICE, choices=("yes", "no")),
}

QUESTION = pb.Message(role=pb.ROLE_USER, parts=[pb.Part(text="why?")])


def refused(request: GenerateRequest) -> list[str]:
    """The fields that are wrong."""
    with pytest.raises(InvalidRequest) as caught:
        decode_request(request)
    return [violation.field for violation in caught.value.violations]


@given(requests, st.sampled_from([GenerateRequest, StreamGenerateRequest, CountTokensRequest]))
def test_a_request_arrives_as_it_was_sent(
    request: ChatRequest,
    holder: type[GenerateRequest] | type[StreamGenerateRequest] | type[CountTokensRequest],
) -> None:
    """Over the bytes, so that presence is what the wire says."""
    sent = encode_request(request, holder).SerializeToString()

    assert decode_request(holder.FromString(sent)) == request


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_form_that_stands_alone_arrives_as_it_was_sent(form: ResponseFormat) -> None:
    question = Message(role=Role.USER, parts=(Text(text="why?"),))
    request = ChatRequest(model="", messages=(question,), response_format=form)

    assert decode_request(encode_request(request, GenerateRequest)) == request


def test_what_is_not_set_is_the_model_s_default() -> None:
    request = GenerateRequest(chat=pb.ChatRequest(messages=[QUESTION]))

    assert decode_request(request) == ChatRequest(
        model="", messages=(Message(role=Role.USER, parts=(Text(text="why?"),)),)
    )


def test_unspecified_values_count_as_the_contract_says() -> None:
    request = GenerateRequest(
        chat=pb.ChatRequest(
            messages=[QUESTION],
            sampling=pb.Sampling(),
            tool_choice=pb.ToolChoice(),
            response_format=pb.ResponseFormat(),
            cache_control=pb.CacheControl(),
            criticality=pb.CRITICALITY_UNSPECIFIED,
        )
    )
    decoded = decode_request(request)

    assert decoded.tool_choice.mode is ToolChoiceMode.AUTO
    assert decoded.response_format.kind is ResponseFormatKind.TEXT
    assert decoded.criticality is Criticality.CRITICAL


def test_defaults_are_not_sent() -> None:
    """An unset field stays the target's own choice."""
    request = ChatRequest(model="", messages=(Message(role=Role.USER, parts=(Text(text=""),)),))
    chat = encode_request(request, GenerateRequest).chat

    assert [field.name for field, _ in chat.ListFields()] == ["messages", "criticality"]


def test_a_request_without_a_conversation_is_refused() -> None:
    assert refused(GenerateRequest()) == ["chat"]
    assert refused(GenerateRequest(chat=pb.ChatRequest())) == ["chat.messages"]


UNKNOWN = 99
BROKEN = {
    "no role": (
        pb.ChatRequest(messages=[pb.Message(parts=[pb.Part(text="x")])]),
        ["messages[0].role"],
    ),
    "an unknown role, whatever is in it": (
        pb.ChatRequest(
            messages=[
                pb.Message(
                    role=UNKNOWN,  # type: ignore[arg-type]
                    parts=[pb.Part(tool_call=pb.ToolCall()), pb.Part()],
                )
            ]
        ),
        ["messages[0].role", "messages[0].parts[1]"],
    ),
    "an empty part": (
        pb.ChatRequest(messages=[pb.Message(role=pb.ROLE_TOOL, parts=[pb.Part()])]),
        ["messages[0].parts[0]"],
    ),
    "an image from nowhere": (
        pb.ChatRequest(messages=[pb.Message(role=pb.ROLE_USER, parts=[pb.Part(image=pb.Image())])]),
        ["messages[0].parts[0].image"],
    ),
    "an unknown way to choose tools": (
        pb.ChatRequest(
            messages=[QUESTION],
            tool_choice=pb.ToolChoice(mode=UNKNOWN, name="add"),  # type: ignore[arg-type]
        ),
        ["tool_choice.mode"],
    ),
    "an unknown format": (
        pb.ChatRequest(
            messages=[QUESTION],
            response_format=pb.ResponseFormat(kind=UNKNOWN, name="n"),  # type: ignore[arg-type]
        ),
        ["response_format.kind"],
    ),
    "an unknown criticality": (
        pb.ChatRequest(messages=[QUESTION], criticality=-1),  # type: ignore[arg-type]
        ["criticality"],
    ),
    "degradations that are none": (
        pb.ChatRequest(
            messages=[QUESTION],
            refused_degradations=[pb.DEGRADATION_MOCK, 0, UNKNOWN],  # type: ignore[list-item]
        ),
        ["refused_degradations[1]", "refused_degradations[2]"],
    ),
    "a refusal of the best": (
        pb.ChatRequest(messages=[QUESTION], refused_degradations=[pb.DEGRADATION_NONE]),
        ["refused_degradations"],
    ),
    "one degradation many times": (
        pb.ChatRequest(messages=[QUESTION], refused_degradations=[pb.DEGRADATION_MOCK] * 17),
        ["refused_degradations"],
    ),
    "a negative age": (
        pb.ChatRequest(
            messages=[QUESTION], cache_control=pb.CacheControl(max_age=Duration(seconds=-1))
        ),
        ["cache_control.max_age"],
    ),
    "lists that are too long": (
        pb.ChatRequest(
            messages=[QUESTION] * 513,
            tools=[pb.Tool(name="t")] * 129,
            sampling=pb.Sampling(stop=["x"] * 17, logit_bias=dict.fromkeys(range(1025), 1.0)),
            response_format=pb.ResponseFormat(
                kind=pb.RESPONSE_FORMAT_KIND_CHOICE, choices=["x"] * 257
            ),
            tool_choice=pb.ToolChoice(mode=pb.TOOL_CHOICE_MODE_NONE),
        ),
        ["messages", "sampling.stop", "sampling.logit_bias", "tools", "response_format.choices"],
    ),
    "structure and limits at once": (
        pb.ChatRequest(
            model="m" * 257,
            messages=[pb.Message(role=pb.ROLE_USER, parts=[pb.Part()]), QUESTION],
            sampling=pb.Sampling(temperature=-1, max_tokens=0),
            criticality=UNKNOWN,  # type: ignore[arg-type]
        ),
        [
            "messages[0].parts[0]",
            "criticality",
            "model",
            "sampling.temperature",
            "sampling.max_tokens",
        ],
    ),
}


@pytest.mark.parametrize(("chat", "fields"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_request_is_refused_with_its_fields(
    chat: pb.ChatRequest, fields: list[str]
) -> None:
    """Every mistake once, and none that only follows from another."""
    assert refused(GenerateRequest(chat=chat)) == ["chat." + field for field in fields]


def test_the_message_of_a_refusal_names_the_first_field() -> None:
    """Clients that show nothing else show this."""
    chat = pb.ChatRequest(messages=[QUESTION], sampling=pb.Sampling(temperature=9, top_p=9))
    with pytest.raises(InvalidRequest) as caught:
        decode_request(GenerateRequest(chat=chat))

    assert str(caught.value) == "chat.sampling.temperature: must be 0 to 2 (and 1 more)"


def test_a_hostile_request_costs_no_more_than_a_large_one() -> None:
    """A hundred thousand empty messages fit in 200 KB; only as many are read as are allowed."""
    request = GenerateRequest(chat=pb.ChatRequest(messages=[pb.Message()] * 100_000))

    assert len(refused(request)) == 513


def test_an_empty_picture_is_not_a_picture() -> None:
    image = Image(mime_type="image/png")
    request = ChatRequest(model="", messages=(Message(role=Role.USER, parts=(image,)),))

    assert refused(encode_request(request, GenerateRequest)) == ["chat.messages[0].parts[0].image"]


@pytest.mark.parametrize(
    ("ours", "contracts"),
    [
        (ChatRequest, pb.ChatRequest),
        (Sampling, pb.Sampling),
        (ResponseFormat, pb.ResponseFormat),
    ],
)
def test_every_field_of_a_request_travels(
    ours: type[ChatRequest | Sampling | ResponseFormat],
    contracts: type[pb.ChatRequest | pb.Sampling | pb.ResponseFormat],
) -> None:
    """A new field of the model must not be forgotten here."""
    names = {field.name for field in dataclasses.fields(ours)}

    assert names == set(contracts.DESCRIPTOR.fields_by_name)
