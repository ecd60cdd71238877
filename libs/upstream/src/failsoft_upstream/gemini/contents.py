"""The conversation in a request, checked as Gemini checks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from failsoft_upstream.answer import count_tokens
from failsoft_upstream.begun import Begun, Turn, begun
from failsoft_upstream.gemini import check
from failsoft_upstream.gemini.errors import Rejected

_PART = (
    "text",
    "thought",
    "thoughtSignature",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
)
_MARKS = ("thought", "thoughtSignature")
"""Fields that go with what a part says."""

_FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "inlineData": (("mimeType", "data"), ("mimeType", "data")),
    "fileData": (("fileUri",), ("mimeType", "fileUri")),
    "functionCall": (("name",), ("id", "name", "args")),
    "functionResponse": (("name", "response"), ("id", "name", "response")),
}
"""What a part of each kind must have, and may have."""

_TOKENS_PER_CONTENT = 3


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said: the user's last text, the tokens of everything, an answer that was begun."""

    question: str
    tokens: int
    begun: Begun | None


def read(value: object, *, signed: bool) -> Conversation:
    """Check `contents` and sum them up.

    Args:
        signed: The model refuses a step of calls whose first has no signature.

    Raises:
        Rejected: Gemini would not take them.
    """
    turns = check.an_array([] if value is None else value, "contents")
    if not turns:
        raise Rejected("* GenerateContentRequest.contents: contents is not specified")
    question, tokens, calls = "", 0, 0
    texts: list[Turn] = []
    for index, item in enumerate(turns):
        path = f"contents[{index}]"
        turn = check.an_object(item, path, known=("role", "parts"))
        role = check.one_of(turn.get("role", "user"), f"{path}.role", ("user", "model"))
        parts = _parts(turn.get("parts"), path)
        results = sum("functionResponse" in part for part in parts)
        if results != calls:
            raise Rejected(
                "Please ensure that the number of function response parts is equal to the number"
                " of function call parts of the function call turn."
            )
        calls = _calls(parts, path, signed=signed)
        text = _text(parts)
        tokens += _TOKENS_PER_CONTENT + count_tokens(text)
        texts.append(Turn(is_users=role == "user", text=text))
        if role == "user" and text:
            question = text
    return Conversation(question, tokens, begun(texts))


def instruction(value: object) -> int:
    """Check `systemInstruction`; its tokens."""
    turn = check.an_object(value, "system_instruction", known=("role", "parts"))
    return count_tokens(_text(_parts(turn.get("parts"), "system_instruction")))


def _parts(value: object, path: str) -> Sequence[Mapping[str, object]]:
    items = check.an_array([] if value is None else value, f"{path}.parts")
    if not items:
        raise Rejected(f"* GenerateContentRequest.{path}.parts: contents.parts must not be empty.")
    return [_part(item, f"{path}.parts[{index}]") for index, item in enumerate(items)]


def _part(value: object, path: str) -> Mapping[str, object]:
    part = check.an_object(value, path, known=_PART)
    said = [name for name in part if name not in _MARKS]
    if len(said) != 1:
        raise Rejected(f"* GenerateContentRequest.{path}.data: required oneof field 'data'")
    kind = said[0]
    if kind == "text":
        if not check.a_string(part["text"], f"{path}.text"):
            raise Rejected(f"* GenerateContentRequest.{path}: must have a text parameter")
        return part
    needed, known = _FIELDS[kind]
    fields = check.an_object(part[kind], f"{path}.{kind}", known=known)
    for name in needed:
        if not fields.get(name):
            raise Rejected(f"* GenerateContentRequest.{path}.{kind}.{name}: is required")
    for name in ("args", "response"):
        check.an_object(fields.get(name, {}), f"{path}.{kind}.{name}")
    return part


def _calls(parts: Sequence[Mapping[str, object]], path: str, *, signed: bool) -> int:
    """How many results the next turn must have."""
    calls = [part for part in parts if "functionCall" in part]
    if signed and calls and "thoughtSignature" not in calls[0]:
        raise Rejected(f"Function call in the `{path}` content block misses a thought_signature.")
    return len(calls)


def _text(parts: Sequence[Mapping[str, object]]) -> str:
    return " ".join(str(part["text"]) for part in parts if "text" in part)
