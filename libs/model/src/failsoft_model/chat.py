"""One conversation to be answered, as every front door hands it inward.

Who asks is not part of it: the tenant comes from verified identity.
"""

import enum
from dataclasses import dataclass, field


class Role(enum.Enum):
    """Who speaks in a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A piece of text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture: either `data` (encoded, with `mime_type`) or an https `url`."""

    data: bytes = b""
    url: str = ""
    mime_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model made; `arguments_json` is a JSON object as text."""

    id: str
    name: str
    arguments_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What the call with this id gave."""

    tool_call_id: str
    content: str
    is_error: bool = False


Part = Text | Image | ToolCall | ToolResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of the conversation."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined by newlines."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call; `parameters_json` is a JSON Schema or empty."""

    name: str
    description: str = ""
    parameters_json: str = ""


class ToolChoiceMode(enum.Enum):
    """What the model does with the tools."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    NAMED = "named"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """Whether tools are called; `name` is set for `NAMED` only."""

    mode: ToolChoiceMode = ToolChoiceMode.AUTO
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are chosen and when to stop; None means the target's own default.

    Attributes:
        logprobs: Tell the tokens of the text, each with its log probability.
        top_logprobs: The likeliest tokens at each place that are told beside it.
        logit_bias: Token ids of the answering model's vocabulary, ascending, and what is added
            to their logits.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool = False
    top_logprobs: int = 0
    logit_bias: tuple[tuple[int, float], ...] = ()


class ResponseFormatKind(enum.Enum):
    """The form of an answer."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"
    REGEX = "regex"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFormat:
    """The form of the answer.

    Attributes:
        name: Set for `JSON_SCHEMA` only.
        schema_json: Set for `JSON_SCHEMA` only.
        regex: What the whole answer matches; set for `REGEX` only.
        choices: The answers that are allowed; set for `CHOICE` only.
    """

    kind: ResponseFormatKind = ResponseFormatKind.TEXT
    name: str = ""
    schema_json: str = ""
    regex: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheControl:
    """What the cache may do with one request; the words are RFC 9111's.

    Attributes:
        no_cache: Do not answer from a fresh entry; store the answer all the same.
        no_store: Store nothing of this request.
        max_age: Seconds; an older fresh entry is not used. None: the entry's lifetime.
    """

    no_cache: bool = False
    no_store: bool = False
    max_age: float | None = None


class Criticality(enum.Enum):
    """How much it hurts when a request is refused in an overload."""

    CRITICAL_PLUS = "critical_plus"
    CRITICAL = "critical"
    SHEDDABLE_PLUS = "sheddable_plus"
    SHEDDABLE = "sheddable"


class Degradation(enum.Enum):
    """What the caller got instead of the best answer."""

    NONE = "none"
    FALLBACK_TARGET = "fallback_target"
    STALE_CACHE = "stale_cache"
    SIMILAR_CACHE = "similar_cache"
    MOCK = "mock"


_NO_SAMPLING = Sampling()
_ANY_TOOL = ToolChoice()
_PLAIN_TEXT = ResponseFormat()
_CACHE_AS_ROUTED = CacheControl()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One conversation to be answered.

    Attributes:
        model: A route or a model id that a route serves; empty asks for the default.
        messages: Oldest first.
        request_id: The caller's own id; empty until the front door has made one.
        continue_from: What the assistant has already said in this answer.
        refused_degradations: What the caller would rather not get.
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = _NO_SAMPLING
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = _ANY_TOOL
    response_format: ResponseFormat = _PLAIN_TEXT
    cache_control: CacheControl = _CACHE_AS_ROUTED
    request_id: str = ""
    criticality: Criticality = Criticality.CRITICAL
    continue_from: str = ""
    refused_degradations: frozenset[Degradation] = field(default_factory=frozenset)

    @property
    def callable_tools(self) -> tuple[Tool, ...]:
        """The tools that the answer may call."""
        return () if self.tool_choice.mode is ToolChoiceMode.NONE else self.tools
