"""The messages between the service and the engine's process.

On the wire each is a frame: four bytes of length, big-endian, then the message as MessagePack.
Both ends are of the same version, one starts the other, so nothing here is kept compatible.
"""

import enum
import struct

import msgspec

from failsoft_local_llm.core.decoding import Form

LENGTH = struct.Struct(">I")
"""What stands before each message: its bytes."""


class LoadModel(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To the child, first: load this model."""

    model_file: str
    max_sequences: int
    """Requests that are answered at once; more wait."""
    max_batched_tokens: int
    """Tokens that one step takes on; bounds how long a step lasts."""
    kv_cache_tokens: int | None
    """Tokens that the KV cache holds at most; None: as many as are asked for."""
    threads: int | None
    """None: as many as the engine likes."""
    end_tokens: list[int]
    hidden_tokens: list[int]


class Tokenize(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To the child: the tokens of each of these texts, please."""

    id: int
    texts: list[str]


class Generate(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To the child: begin a request. The fields are those of `core.decoding.Decoding`."""

    id: int
    prompt: list[int]
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int | None
    seed: int
    presence_penalty: float
    frequency_penalty: float
    form: Form | None
    logprobs: bool
    """Tell the tokens."""


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To the child: nobody wants this request any more. An unknown id is ignored."""

    id: int


class Loaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the child, first: the model is loaded."""


class LoadFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the child, first and last: the model cannot be loaded."""

    why: str


class Tokens(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the child: the tokens of each text, in the order they were asked for."""

    id: int
    tokens: list[list[int]]


class End(enum.Enum):
    """Why a request ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    """The engine did not take it, although it passed our checks."""
    FORM_REFUSED = "form_refused"
    """The answer cannot be held to its form."""


class Output(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What one step gave one request."""

    id: int
    tokens: int
    data: bytes
    end: End | None = None
    """None: it goes on."""
    told: list[tuple[bytes, float]] = []
    """The tokens of `data`, each with its log probability; empty unless asked for."""


class Stepped(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From the child: one step is done."""

    outputs: list[Output]
    """What it gave, to everybody who got something; empty while prompts are being read."""


ToChild = LoadModel | Tokenize | Generate | Cancel
FromChild = Loaded | LoadFailed | Tokens | Stepped
