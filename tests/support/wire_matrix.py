"""One request for each feature that providers' wires carry, and what its answer shows.

Asked of look-alikes, which refuse what a provider would refuse, and by `pytest -m live` of
the providers themselves.
"""

import base64
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb

TOOLS, JSON_SCHEMA, VISION = "tools", "json_schema", "vision"
CAPABILITIES = (TOOLS, JSON_SCHEMA, VISION)

PLACE = {
    "type": "object",
    "properties": {"place": {"type": "string"}},
    "required": ["place"],
    "additionalProperties": False,
}
WEATHER = chat_pb2.Tool(
    name="weather", description="The weather at a place.", parameters_json=json.dumps(PLACE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One feature.

    Attributes:
        request: What is asked.
        shows: Whether an answer of a real model shows that the feature was understood.
    """

    request: chat_pb2.ChatRequest
    shows: Callable[[pb.GenerateResponse], bool]


def text_of(reply: pb.GenerateResponse) -> str:
    """All that the answer says in words."""
    return "".join(part.text for part in reply.choices[0].message.parts)


def calls_of(reply: pb.GenerateResponse) -> list[chat_pb2.ToolCall]:
    """The tools that it calls."""
    parts = reply.choices[0].message.parts
    return [part.tool_call for part in parts if part.HasField("tool_call")]


def _says(word: str) -> Callable[[pb.GenerateResponse], bool]:
    return lambda reply: word.lower() in text_of(reply).lower()


def _calls_for(*places: str) -> Callable[[pb.GenerateResponse], bool]:
    def shows(reply: pb.GenerateResponse) -> bool:
        named = {str(json.loads(call.arguments_json)["place"]) for call in calls_of(reply)}
        return all(any(place in name for name in named) for place in places)

    return shows


def _is_json(reply: pb.GenerateResponse) -> bool:
    return isinstance(json.loads(text_of(reply)), dict)


def _fits_place(reply: pb.GenerateResponse) -> bool:
    answer = json.loads(text_of(reply))
    return set(answer) == {"place"} and isinstance(answer["place"], str)


def _ended(reason: walk_pb2.FinishReason.ValueType) -> Callable[[pb.GenerateResponse], bool]:
    return lambda reply: reply.finished.finish_reason == reason


def _message(role: chat_pb2.Role.ValueType, *parts: chat_pb2.Part) -> chat_pb2.Message:
    return chat_pb2.Message(role=role, parts=parts)


def _user(text: str, *others: chat_pb2.Part) -> chat_pb2.Message:
    return _message(chat_pb2.ROLE_USER, chat_pb2.Part(text=text), *others)


def _assistant(text: str) -> chat_pb2.Message:
    return _message(chat_pb2.ROLE_ASSISTANT, chat_pb2.Part(text=text))


def _system(text: str) -> chat_pb2.Message:
    return _message(chat_pb2.ROLE_SYSTEM, chat_pb2.Part(text=text))


def _call(call_id: str, place: str) -> chat_pb2.Part:
    arguments = json.dumps({"place": place})
    return chat_pb2.Part(
        tool_call=chat_pb2.ToolCall(id=call_id, name="weather", arguments_json=arguments)
    )


def _result(call_id: str, content: str) -> chat_pb2.Part:
    return chat_pb2.Part(tool_result=chat_pb2.ToolResult(tool_call_id=call_id, content=content))


def _red_square() -> bytes:
    """A picture of 32 by 32 points, in PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xff\0\0" * 32) * 32
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


PICTURE = chat_pb2.Part(image=chat_pb2.Image(data=_red_square(), mime_type="image/png"))
PICTURE_URL = f"data:image/png;base64,{base64.b64encode(_red_square()).decode()}"
"""The same as OpenAI's clients write it."""


def _asked(*messages: chat_pb2.Message, **fields: object) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(messages=messages, **fields)  # type: ignore[arg-type]


CAPITAL = _user("What is the capital of France? One word.")

CASES: Mapping[str, Case] = {
    "text": Case(request=_asked(CAPITAL), shows=_says("Paris")),
    "system": Case(
        request=_asked(_system("Answer in capital letters only."), CAPITAL),
        shows=lambda reply: "PARIS" in text_of(reply),
    ),
    "system in mid-conversation": Case(
        request=_asked(
            _user("Hello."), _assistant("Hello."), _system("Answer in capital letters."), CAPITAL
        ),
        shows=lambda reply: "PARIS" in text_of(reply),
    ),
    "system alone": Case(
        request=_asked(_system("Say the capital of France in one word.")), shows=_says("Paris")
    ),
    "assistant first": Case(
        request=_asked(_assistant("Ask me for a capital."), CAPITAL), shows=_says("Paris")
    ),
    "several turns": Case(
        request=_asked(_user("My name is Ada."), _assistant("Hello Ada."), _user("My name?")),
        shows=_says("Ada"),
    ),
    "other scripts": Case(
        request=_asked(_user("Отвечай одним словом: столица Франции? 🇫🇷")), shows=_says("Париж")
    ),
    "picture": Case(
        request=_asked(_user("Which colour is this? One word.", PICTURE)), shows=_says("red")
    ),
    "tool that must be called": Case(
        request=_asked(
            _user("What is the weather in Bern?"),
            tools=[WEATHER],
            tool_choice=chat_pb2.ToolChoice(mode=chat_pb2.TOOL_CHOICE_MODE_REQUIRED),
        ),
        shows=_calls_for("Bern"),
    ),
    "tool by its name": Case(
        request=_asked(
            _user("What is the weather in Bern?"),
            tools=[WEATHER],
            tool_choice=chat_pb2.ToolChoice(mode=chat_pb2.TOOL_CHOICE_MODE_NAMED, name="weather"),
        ),
        shows=_calls_for("Bern"),
    ),
    "tools at once": Case(
        request=_asked(
            _user("What is the weather in Bern and in Rome? Ask for both at once."),
            tools=[WEATHER],
        ),
        shows=_calls_for("Bern", "Rome"),
    ),
    "tool that must not be called": Case(
        request=_asked(
            CAPITAL,
            tools=[WEATHER],
            tool_choice=chat_pb2.ToolChoice(mode=chat_pb2.TOOL_CHOICE_MODE_NONE),
        ),
        shows=_says("Paris"),
    ),
    "results of tools": Case(
        request=_asked(
            _user("How warm is it in Bern and in Rome?"),
            _message(chat_pb2.ROLE_ASSISTANT, _call("call_1", "Bern"), _call("call_2", "Rome")),
            _message(
                chat_pb2.ROLE_TOOL, _result("call_1", "7 degrees"), _result("call_2", "31 degrees")
            ),
            tools=[WEATHER],
        ),
        shows=lambda reply: "7" in text_of(reply) and "31" in text_of(reply),
    ),
    "JSON": Case(
        request=_asked(
            _user("Give the capital of France as a JSON object."),
            response_format=chat_pb2.ResponseFormat(kind=chat_pb2.RESPONSE_FORMAT_KIND_JSON_OBJECT),
        ),
        shows=_is_json,
    ),
    "JSON by a schema": Case(
        request=_asked(
            _user("Which place is the capital of France?"),
            response_format=chat_pb2.ResponseFormat(
                kind=chat_pb2.RESPONSE_FORMAT_KIND_JSON_SCHEMA,
                name="place",
                schema_json=json.dumps(PLACE),
            ),
        ),
        shows=_fits_place,
    ),
    "length": Case(
        request=_asked(_user("Count from 1 to 1000."), sampling=chat_pb2.Sampling(max_tokens=32)),
        shows=_ended(walk_pb2.FINISH_REASON_LENGTH),
    ),
    "stop": Case(
        request=_asked(
            _user("Write: one two three four five"), sampling=chat_pb2.Sampling(stop=["three"])
        ),
        shows=lambda reply: (
            "three" not in text_of(reply) or "sampling.stop" in reply.finished.dropped_parameters
        ),
    ),
    "sampling": Case(
        request=_asked(
            CAPITAL,
            sampling=chat_pb2.Sampling(
                temperature=0.0,
                top_p=0.9,
                seed=7,
                presence_penalty=0.1,
                frequency_penalty=0.1,
            ),
        ),
        shows=_says("Paris"),
    ),
}
