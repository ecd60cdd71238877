"""What Anthropic refuses must not pass the look-alike."""

import orjson
import pytest

from failsoft_upstream.anthropic.errors import Rejected
from failsoft_upstream.anthropic.request import parse

HI = {"role": "user", "content": "hi"}
CALL = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}
TOOL = {"name": "n", "input_schema": {"type": "object"}}
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}


def body(**fields: object) -> bytes:
    return orjson.dumps({"model": "claude", "max_tokens": 1, "messages": [HI], **fields})


def format_of(schema: object) -> object:
    return {"format": {"type": "json_schema", "schema": schema}}


def block(**fields: object) -> list[object]:
    return [{"role": "user", "content": [fields]}]


@pytest.mark.parametrize(
    "fields",
    [
        {"system": "Be kind."},
        {"system": [{"type": "text", "text": "Be kind."}]},
        {"temperature": 1, "top_k": 3, "stop_sequences": ["END"]},
        {"messages": [HI, CALL, RESULT]},
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "n"}},
        {"output_config": format_of(CLOSED)},
        {"messages": [HI, {"role": "assistant", "content": "Once"}]},
        {"messages": block(type="image", source={"type": "url", "url": "https://a"})},
    ],
)
def test_what_is_documented_is_taken(fields: dict[str, object]) -> None:
    assert parse(body(**fields)).question.model == "claude"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"model": None}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"seed": 1}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages.0.content"),
        ({"messages": block(type="text", text="")}, "messages.0.content.0.text"),
        ({"messages": block(type="tool_use", id="t", name="n", input={})}, "messages.0.content.0"),
        (
            {
                "messages": block(
                    type="image", source={"type": "base64", "media_type": "image/tiff"}
                )
            },
            "messages.0.content.0.source.media_type",
        ),
        ({"messages": [HI, CALL]}, "messages.1"),
        ({"messages": [HI, CALL, HI]}, "messages.2"),
        ({"messages": [HI, RESULT]}, "messages.1"),
        ({"messages": [HI, {"role": "assistant", "content": "Once "}]}, "messages"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": 0, "top_p": 1}, "`temperature` and `top_p`"),
        ({"stop_sequences": ["\n"]}, "stop_sequences"),
        ({"tools": [{"name": "n"}]}, "tools.0.input_schema"),
        ({"tools": [{"name": "n", "input_schema": {}}]}, "tools.0.input_schema.type"),
        ({"tool_choice": {"type": "auto"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"output_config": {"format": {"type": "json_object"}}}, "output_config.format.type"),
        ({"output_config": format_of({"type": "object"})}, "output_config.format.schema"),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(fields: dict[str, object], path: str) -> None:
    with pytest.raises(Rejected, match=path) as rejected:
        parse(body(**fields))

    error = orjson.loads(rejected.value.body)["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"].startswith(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_what_is_no_object_is_refused(content: bytes) -> None:
    with pytest.raises(Rejected):
        parse(content)
