"""The Engine port over OpenVINO's process: requests here, messages there."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.model_file import read_model_facts
from failsoft_local_llm.adapters.openvino.pieces import pieces
from failsoft_local_llm.adapters.openvino.process import EngineProcess, Frames, running_process
from failsoft_local_llm.adapters.openvino.protocol import (
    Cancel,
    End,
    Generate,
    LoadModel,
    Output,
    Tokenize,
)
from failsoft_local_llm.adapters.openvino.requests import Requests
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.core.order import Order
from failsoft_local_llm.ports import Chunk, EngineDied, EngineRefused, FormRefused
from failsoft_model.events import TokenLogprob, bounded_logprob
from failsoft_model.walk import FinishReason, Load

_PIECES_AT_ONCE = 64
"""In one message: the process steps between two of them, but never within one."""
BATCHED_TOKENS = 128
"""A step over this many tokens takes well under a second on two cores, and so does a cancel."""
_UINT64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenVinoOptions:
    """How OpenVINO runs the model."""

    model_file: Path
    max_sequences: int
    """Requests that are answered at once; more wait."""
    threads: int | None
    """None: as many as OpenVINO likes."""
    kv_cache_tokens: int | None = None
    """Tokens that the KV cache holds at most, all requests together; None: no limit."""


class OpenVinoEngine:
    """One model in one process; see `ports.Engine`."""

    def __init__(
        self, process: EngineProcess, requests: Requests, *, capacity: int, tokens: int | None
    ) -> None:
        """
        Args:
            capacity: Requests that are answered at once.
            tokens: That the KV cache holds; None: no limit is known.
        """
        self._process = process
        self._requests = requests
        self._capacity = capacity
        self._tokens = tokens or 0

    def load(self) -> Load:
        running = min(self._requests.open, self._capacity)
        waiting = self._requests.open - running
        return Load(
            running=running,
            waiting=waiting,
            capacity=self._capacity,
            capacity_tokens=self._tokens,
        )

    def heartbeat(self) -> int | None:
        return self._requests.heard if self._requests.awaited else None

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        tokens: list[int] = []
        remaining = chain.from_iterable(map(pieces, texts))
        while some := list(islice(remaining, _PIECES_AT_ONCE)):
            request, answer = self._requests.await_tokens()
            self._process.send(Tokenize(id=request, texts=some))
            for found in await answer:
                tokens += found
        return tokens

    async def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        request, stream = self._requests.open_stream()
        self._process.send(_message(request, order))
        try:
            while True:
                chunk = _chunk(await stream.take())
                yield chunk
                if chunk.finish is not None:
                    return
        finally:
            if self._requests.is_open(request):
                self._process.send(Cancel(id=request))

    async def wait_until_dead(self) -> str:
        await self._requests.wait_until_dead()
        return await self._process.obituary()


@contextlib.asynccontextmanager
async def start_openvino(options: OpenVinoOptions) -> AsyncIterator[OpenVinoEngine]:
    """Loads the model into a process of its own; leaving the context ends that process.

    The file is checked each time: it may have been replaced since the last.

    Raises:
        EngineDied: the model cannot be loaded.
    """
    try:
        facts = await asyncio.to_thread(read_model_facts, options.model_file)
    except StartupError as refusal:
        raise EngineDied(str(refusal)) from refusal
    requests = Requests()
    frames = Frames(on_message=requests.deliver, on_end=requests.die)
    async with running_process(frames) as process:
        process.send(_load_order(facts, options))
        try:
            await requests.wait_until_loaded()
        except EngineDied as died:
            raise EngineDied(f"{died}; {await process.obituary()}") from died
        yield OpenVinoEngine(
            process,
            requests,
            capacity=options.max_sequences,
            tokens=options.kv_cache_tokens,
        )


def _load_order(facts: ModelFacts, options: OpenVinoOptions) -> LoadModel:
    return LoadModel(
        model_file=str(options.model_file),
        max_sequences=options.max_sequences,
        max_batched_tokens=BATCHED_TOKENS,
        kv_cache_tokens=options.kv_cache_tokens,
        threads=options.threads,
        end_tokens=sorted(facts.end_tokens),
        hidden_tokens=sorted(facts.hidden_tokens),
    )


def _message(request: int, order: Order) -> Generate:
    decoding = order.decoding
    seed = secrets.randbits(64) if decoding.seed is None else decoding.seed & _UINT64
    return Generate(
        id=request,
        prompt=list(order.prompt),
        max_tokens=decoding.max_tokens,
        temperature=decoding.temperature,
        top_p=decoding.top_p,
        top_k=decoding.top_k,
        seed=seed,
        presence_penalty=decoding.presence_penalty,
        frequency_penalty=decoding.frequency_penalty,
        form=decoding.form,
        logprobs=decoding.alternatives is not None,
    )


def _chunk(output: Output) -> Chunk:
    """What the caller gets of it.

    Raises:
        EngineRefused: the request was not taken.
        FormRefused: the answer cannot be held to its form.
    """
    finish = None
    match output.end:
        case End.STOP:
            finish = FinishReason.STOP
        case End.LENGTH:
            finish = FinishReason.LENGTH
        case End.FORM_REFUSED:
            raise FormRefused
        case End.REFUSED | End.CANCELLED:
            raise EngineRefused(f"OpenVINO ended a request as {output.end.value}")
    return Chunk(
        data=output.data,
        tokens=output.tokens,
        finish=finish,
        logprobs=tuple([_token(data, logprob) for data, logprob in output.told]),
    )


def _token(data: bytes, logprob: float) -> TokenLogprob:
    return TokenLogprob(
        token=data.decode("utf-8", "replace"), logprob=bounded_logprob(logprob), data=data
    )
