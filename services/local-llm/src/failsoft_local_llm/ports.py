"""What the service needs from the outside, whoever provides it."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from failsoft_local_llm.core.blocks import CallPiece
from failsoft_local_llm.core.order import Order
from failsoft_local_llm.core.served import ServedModel
from failsoft_model.chat import Message, Tool
from failsoft_model.events import TokenLogprob
from failsoft_model.walk import FinishReason, Load


class EngineDied(Exception):
    """The engine has ended or cannot start; the message says why, in words for the operator."""


class EngineRefused(Exception):
    """The engine did not take a request that passed our checks; it goes on with the others."""


class FormRefused(Exception):
    """The engine cannot hold an answer to the order's form, or to the schemas of its tools."""


class TokenUnknown(Exception):
    """A bias is for a token that is not in the engine's vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What the engine has generated for one request since its last chunk."""

    data: bytes
    """UTF-8 that may begin or end inside a character; may be empty."""
    tokens: int
    """Tokens that this took, those without a text included."""
    finish: FinishReason | None
    """None: more will come. This is the last chunk otherwise."""
    calls: tuple[CallPiece, ...] = ()
    """Pieces of tool calls, which come behind `data`."""
    cached_tokens: int = 0
    """Tokens of the prompt that had not to be read again; told once, with the first chunk."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """The tokens that `data` is made of, if they were asked for."""


class Engine(Protocol):
    """One loaded model, which answers many requests at once; it knows tokens and no text forms."""

    def load(self) -> Load:
        """How busy it is; a cancelled request counts until the engine has let go of it."""

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        """The tokens of all texts, one behind the other, each tokenised for itself.

        A control token that is spelled out in one text becomes itself; what is spread over two
        becomes none.

        Raises:
            EngineDied: it has ended meanwhile or before.
        """

    def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        """Goes on from the prompt; closing the generator cancels the request in the engine.

        What was generated while nobody asked for the next chunk comes as one.

        Raises:
            EngineDied: it has ended meanwhile or before.
            EngineRefused: it did not take the request.
            FormRefused: it cannot hold the answer to what is asked.
            TokenUnknown: it has not all tokens that are to be biased.
        """

    def heartbeat(self) -> int | None:
        """Rises with each thing that the engine says; None: nobody waits for it to say anything.

        An engine that works says something after every step, also when a step has given no text.
        """

    async def wait_until_dead(self) -> str:
        """Returns when the engine has ended by itself: why, in words for the operator."""


StartEngine = Callable[[], AbstractAsyncContextManager[Engine]]
"""Loads the model; leaving the context ends the engine. Entering raises EngineDied."""


class Template(Protocol):
    """Makes a prompt of a conversation, in the form that the model was trained on."""

    def prompt(
        self, messages: Sequence[Message], *, continue_from: str, tools: Sequence[Tool] = ()
    ) -> Sequence[str]:
        """The texts that the assistant's answer follows, to be tokenised each for itself.

        The template's own control tokens are whole in one text each; those that callers have
        spelled out are in none.

        Args:
            messages: Text, and tool calls with their results; no images.
            continue_from: What the assistant has already said of it; may be empty.
            tools: Functions that the answer may call.

        Raises:
            InvalidRequest: the template does not take this conversation.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A model whose files were read, and how to load it."""

    model: ServedModel
    template: Template
    start: StartEngine
    max_sequences: int
    """Requests that its engine answers at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that may be served, whether its files can be read or not."""

    name: str
    """What callers ask for."""
    adapters: tuple[str, ...] = ()
    """What else they may ask for while it serves."""
    profile: str
    """Such as `primary`."""
    engine: str
    """What runs it, such as `vllm`."""
    why: str = ""
    """Why this model was chosen, for people; empty: it was configured."""
    known: ServedModel | None = None
    """What is known of it before it serves; None: nothing but its name."""
    open: Callable[[], Awaitable[Opened]]
    """Reads its files, anew each time. Raises EngineDied: they cannot be used."""
