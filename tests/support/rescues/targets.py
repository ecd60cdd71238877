"""Targets that play their part in a case: asked in their dialect, answering in its bytes."""

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from failsoft_model.chat import ChatRequest, Role
from failsoft_model.events import BlockKind, Delta
from failsoft_model.walk import Capability, ErrorClass, FinishReason, Usage
from failsoft_router.core.policy import Limits, Provider, TargetPolicy
from failsoft_router.core.prefill import manner_of
from failsoft_router.core.seam import LONGEST_OVERLAP, Manner
from failsoft_router.ports import AttemptFailed, Ending, Piece, TargetCall
from failsoft_router.wire.anthropic.codec import AnthropicCodec
from failsoft_router.wire.codec import Codec
from failsoft_router.wire.gemini.codec import GeminiCodec
from failsoft_router.wire.openai.codec import OpenAiCodec
from failsoft_router.wire.sse import SseParser
from failsoft_upstream.anthropic.errors import AnthropicErrors
from failsoft_upstream.anthropic.request import parse as parse_anthropic
from failsoft_upstream.begun import Begun
from failsoft_upstream.gemini.errors import GeminiErrors
from failsoft_upstream.gemini.request import parse as parse_gemini
from failsoft_upstream.openai.errors import OpenAIErrors
from failsoft_upstream.openai.request import parse as parse_openai
from failsoft_upstream.reply import Errors
from rescues import writers
from rescues.answers import Told
from rescues.cases import Behaviour, Part, Speech
from rescues.writers import Cut, Speaking

ABLE = frozenset({Capability.TOOLS, Capability.JSON_SCHEMA})
CONTINUING = ABLE | {Capability.CONTINUE}

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u9fff]+")
_RUN_UP = {Manner.PREFILLED: (6, 24), Manner.INSTRUCTED: (3, 5), Manner.EXACT: (1, 1)}
"""Different words and characters of a run-up that can be told from chance."""

_DIFFERS_FROM = 80
"""Characters after which another answer parts from the first one, at the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a target is spoken to, and how it speaks."""

    provider: Provider
    model: str
    capabilities: frozenset[Capability]
    codec: Codec | None = None
    begun: Callable[[bytes], Begun | None] | None = None
    writer: Callable[[Speaking, Cut], Iterator[bytes]] | None = None
    errors: Errors | None = None


_OPENAI_URL = "https://openai.example.com/v1"
_GEMINI = "gemini-2.5-flash"


def _openai(capabilities: frozenset[Capability]) -> Dialect:
    return Dialect(
        provider=Provider.OPENAI,
        model="m",
        capabilities=capabilities,
        codec=OpenAiCodec(model="m", endpoint="https://api.openai.com/v1"),
        begun=lambda body: parse_openai(body).question.begun,
        writer=writers.openai,
        errors=OpenAIErrors(),
    )


def _claude(model: str) -> Dialect:
    return Dialect(
        provider=Provider.ANTHROPIC,
        model=model,
        capabilities=ABLE,
        codec=AnthropicCodec(model=model, context_tokens=0),
        begun=lambda body: parse_anthropic(body).question.begun,
        writer=writers.anthropic,
        errors=AnthropicErrors(),
    )


DIALECTS = {
    Speech.OPENAI: _openai(ABLE),
    Speech.OPENAI_CONTINUING: _openai(CONTINUING),
    Speech.CLAUDE_OLD: _claude("claude-sonnet-4-5"),
    Speech.CLAUDE_NEW: _claude("claude-sonnet-5"),
    Speech.GEMINI: Dialect(
        provider=Provider.GEMINI,
        model=_GEMINI,
        capabilities=ABLE,
        codec=GeminiCodec(model=_GEMINI),
        begun=lambda body: parse_gemini(body, model=_GEMINI).question.begun,
        writer=writers.gemini,
        errors=GeminiErrors(),
    ),
    Speech.OURS: Dialect(provider=Provider.FAILSOFT, model="m", capabilities=CONTINUING),
}


def policy_of(name: str, part: Part) -> TargetPolicy:
    """The target in the router's policy."""
    dialect = DIALECTS[part.speech]
    return TargetPolicy(
        name=name,
        provider=dialect.provider,
        model=dialect.model,
        endpoint=f"https://{name}.example.com/v1",
        capabilities=dialect.capabilities,
        limits=Limits(),
        attempts=1,
        external=False,
    )


class PlayedTarget:
    """See `failsoft_router.ports.Target`."""

    def __init__(self, policy: TargetPolicy, part: Part, told: Told, *, seed: str) -> None:
        self._part = part
        self._told = told
        self._dialect = DIALECTS[part.speech]
        self._manner = manner_of(policy)
        self._draw = Random(seed)
        self.wrong: list[str] = []
        """What it was asked that nobody should ask."""

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """Play the part."""
        begun = self._heard(call.request)
        if self._part.speech is Speech.OURS:
            pieces = self._in_protos(self._speaking(begun))
        else:
            pieces = self._in_bytes(call.request, begun)
        for piece in pieces:
            yield piece

    async def close(self) -> None:
        """There is no connection."""

    def _heard(self, request: ChatRequest) -> Begun | None:
        """The beginning that it is asked to go on with, as the look-alike reads the bytes."""
        if self._dialect.codec is None or self._dialect.begun is None:
            said = request.continue_from
            return Begun(question="", said=said, is_last=True) if said else None
        users = [message for message in request.messages if message.role is Role.USER]
        begun = self._dialect.begun(self._dialect.codec.encode(request).body)
        if begun is not None and not self._told.text.startswith(begun.said):
            self.wrong.append(f"was told that it had said {begun.said!r}")
        if begun is not None and not begun.is_last and len(users) != 2:
            self.wrong.append("was not asked to go on")
        return begun

    def _speaking(self, begun: Begun | None) -> Speaking:
        """What it says in this call."""
        told = self._told
        text = told.text if begun is None else self._resumed(begun.said)
        return Speaking(reasoning=told.reasoning, text=text, calls=told.calls)

    def _resumed(self, said: str) -> str:
        whole = self._told.text
        rest = whole[len(said) :]
        match self._part.behaviour:
            case _ if self._part.speech is Speech.OURS:
                return rest
            case Behaviour.ON | Behaviour.REFUSE:
                return rest
            case Behaviour.OVER:
                return whole
            case Behaviour.REPEAT:
                run_up = self._run_up(said)
                return whole if run_up is None else run_up + rest
            case Behaviour.OTHER if len(said) > _DIFFERS_FROM:
                place = self._draw.randint(_DIFFERS_FROM, len(said) - 1)
                return whole[:place] + "§ and so it is another answer."
            case Behaviour.OTHER:
                return rest or whole

    def _run_up(self, said: str) -> str | None:
        """The last words, as many as can be told from chance; None: there are too few."""
        words, characters = _RUN_UP[self._manner]
        for match in reversed(list(_WORD.finditer(said))):
            run_up = said[match.start() :]
            different = {word.casefold() for word in _WORD.findall(run_up)}
            if len(run_up) > LONGEST_OVERLAP:
                return None
            if len(different) >= words and len(run_up) >= characters:
                return run_up
        return None

    def _in_protos(self, said: Speaking) -> Iterator[Piece]:
        blocks = [(BlockKind.REASONING, said.reasoning, ""), (BlockKind.TEXT, said.text, "")]
        blocks += [(BlockKind.TOOL_CALL, text, name) for name, text in said.calls]
        deltas = [
            Delta(
                text=piece,
                kind=kind,
                block=block,
                tool_call_id=f"id_{block}" if name and not index else "",
                tool_name=name if not index else "",
            )
            for block, (kind, text, name) in enumerate(each for each in blocks if each[1])
            for index, piece in enumerate(self._cut(text))
        ]
        dies_at = self._part.dies_at
        yield from deltas if dies_at is None else deltas[: int(dies_at * (len(deltas) + 1))]
        if dies_at is not None:
            raise AttemptFailed(ErrorClass.TRUNCATED, "it broke off")
        reason = FinishReason.TOOL_CALLS if said.calls else FinishReason.STOP
        yield Ending(finish_reason=reason, model="m", usage=Usage(input_tokens=9, output_tokens=7))

    def _in_bytes(self, request: ChatRequest, begun: Begun | None) -> Iterator[Piece]:
        codec, dialect = self._dialect.codec, self._dialect
        assert codec is not None
        assert dialect.writer is not None
        if begun is not None and begun.is_last and self._refuses_beginnings():
            assert dialect.errors is not None
            body = dialect.errors.begun_turn()
            raise codec.refusal(400, {}, body, unix=0.0)
        data = b"".join(dialect.writer(self._speaking(begun), self._cut))
        if self._part.dies_at is not None:
            data = data[: int(self._part.dies_at * len(data))]
        reader, parser = codec.reader(request), SseParser()
        for payloads in (*map(parser.feed, self._chunks(data)), parser.end()):
            for payload in payloads:
                if payload != b"[DONE]":
                    reader.read(payload)
            yield from reader.content()
        yield reader.ending(dropped_parameters=codec.dropped(request))

    def _refuses_beginnings(self) -> bool:
        return self._part.behaviour is Behaviour.REFUSE

    def _cut(self, text: str) -> Sequence[str]:
        """Pieces that end anywhere, also within what a reader takes for one letter."""
        pieces = []
        while text:
            size = self._draw.choice((1, 2, 5, 20))
            pieces.append(text[:size])
            text = text[size:]
        return pieces

    def _chunks(self, data: bytes) -> Sequence[bytes]:
        count = self._draw.choice((0, 3, 30))
        places = sorted(self._draw.randint(0, len(data)) for _ in range(count))
        return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
