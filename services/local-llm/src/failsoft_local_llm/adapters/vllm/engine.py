"""The Engine port over vLLM: orders there, bytes and tool calls back."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from failsoft_local_llm.adapters.vllm.death import wait_until_one_ends
from failsoft_local_llm.adapters.vllm.told import told_tokens
from failsoft_local_llm.core.blocks import CallPiece
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.core.order import Order
from failsoft_local_llm.ports import Chunk, EngineRefused, FormRefused
from failsoft_model.events import TokenLogprob
from failsoft_model.walk import FinishReason, Load

if TYPE_CHECKING:
    from vllm.outputs import CompletionOutput, RequestOutput

    from failsoft_local_llm.adapters.vllm.calls import CallReader
    from failsoft_local_llm.adapters.vllm.runtime import Runtime

_ENDS = {"stop": FinishReason.STOP, "length": FinishReason.LENGTH}


class Words:
    """What tokens stand for."""

    def __init__(self, vocabulary: Mapping[int, bytes], facts: ModelFacts) -> None:
        hidden = facts.hidden_tokens
        self._vocabulary = vocabulary
        self._text = {token: data for token, data in vocabulary.items() if token not in hidden}
        self._end = facts.end_tokens

    def text(self, tokens: Sequence[int]) -> bytes:
        """What a caller reads: the tokens that steer the model are no part of it."""
        return b"".join(self._text.get(token, b"") for token in tokens)

    def spelled(self, tokens: Sequence[int]) -> list[tuple[int, bytes]]:
        """Each token as it is spelled, but for those that end an answer."""
        going_on = (token for token in tokens if token not in self._end)
        return [(token, self._vocabulary.get(token, b"")) for token in going_on]

    def told(self, output: "CompletionOutput", *, alternatives: int) -> tuple[TokenLogprob, ...]:
        """What is told of the tokens that a caller reads."""
        return told_tokens(
            output, alternatives=alternatives, text=self._text, every=self._vocabulary
        )


class VllmEngine:
    """One model in vLLM's processes; see `ports.Engine`."""

    def __init__(self, runtime: "Runtime", words: Words, *, capacity: int) -> None:
        self._runtime = runtime
        self._words = words
        self._capacity = capacity
        self._open = 0
        self._awaited = 0
        """Those of the open requests whose caller has taken all that there is, and wants more."""

    def load(self) -> Load:
        running = min(self._open, self._capacity)
        return Load(
            running=running,
            waiting=self._open - running,
            capacity=self._capacity,
            running_tokens=self._runtime.cached_tokens if self._open else 0,
            capacity_tokens=self._runtime.cache_tokens,
        )

    def heartbeat(self) -> int | None:
        return self._runtime.heard if self._awaited else None

    async def tokenize(self, texts: Sequence[str]) -> Sequence[int]:
        return await asyncio.to_thread(self._runtime.tokenize, texts)

    async def generate(self, order: Order) -> AsyncGenerator[Chunk, None]:
        calls = self._runtime.call_reader(order)
        form = calls.form if calls else self._runtime.form(order.decoding)
        alternatives = order.decoding.alternatives
        self._open += 1
        self._awaited += 1
        try:
            async with aclosing(self._runtime.generate(order, form=form)) as outputs:
                first = True
                async for output in outputs:
                    cached = (output.num_cached_tokens or 0) if first else 0
                    chunk = self._chunk(output.outputs[0], calls, form=form, cached_tokens=cached)
                    if alternatives is not None:
                        chunk = self._told(chunk, output, alternatives)
                    first = False
                    with self._reading():
                        yield chunk
        finally:
            self._awaited -= 1
            self._open -= 1

    async def wait_until_dead(self) -> str:
        runtime = self._runtime
        return await wait_until_one_ends(runtime.processes, answers_no_more=lambda: runtime.errored)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A caller has a chunk, and may take as long over it as it likes."""
        self._awaited -= 1
        try:
            yield
        finally:
            self._awaited += 1

    def _chunk(
        self,
        output: "CompletionOutput",
        calls: "CallReader | None",
        *,
        form: object | None,
        cached_tokens: int,
    ) -> Chunk:
        """What the caller gets of it.

        Raises:
            EngineRefused: the request was ended for another's sake.
            FormRefused: the engine found out late that it cannot hold the answer to its form.
        """
        reason = output.finish_reason
        if reason is not None and reason not in _ENDS:
            if form is not None and reason == "error":
                raise FormRefused
            raise EngineRefused(f"vLLM ended a request as {reason}")
        data, pieces = self._read(output, calls)
        return Chunk(
            data=data,
            tokens=len(output.token_ids),
            finish=None if reason is None else _ENDS[reason],
            calls=pieces,
            cached_tokens=cached_tokens,
        )

    def _told(self, chunk: Chunk, output: "RequestOutput", alternatives: int) -> Chunk:
        """The chunk, with what is told of its tokens."""
        told = self._words.told(output.outputs[0], alternatives=alternatives)
        return replace(chunk, logprobs=told)

    def _read(
        self, output: "CompletionOutput", calls: "CallReader | None"
    ) -> tuple[bytes, tuple[CallPiece, ...]]:
        """The text of it, and the tool calls behind that."""
        if calls is None:
            return self._words.text(output.token_ids), ()
        said = list(calls.feed(self._words.spelled(output.token_ids)))
        if output.finish_reason is not None:
            said += calls.finish()
        text = "".join(each for each in said if isinstance(each, str))
        return text.encode(), tuple(each for each in said if isinstance(each, CallPiece))
