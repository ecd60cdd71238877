"""Who waits for what from the engine's process."""

import asyncio
from dataclasses import dataclass, field

from failsoft_local_llm.adapters.openvino.protocol import (
    End,
    FromChild,
    Loaded,
    LoadFailed,
    Output,
    Stepped,
    Tokens,
)
from failsoft_local_llm.ports import EngineDied


@dataclass(slots=True)
class Stream:
    """What has come for one request and was not taken yet."""

    data: bytearray = field(default_factory=bytearray)
    tokens: int = 0
    told: list[tuple[bytes, float]] = field(default_factory=list)
    end: End | None = None
    _death: str | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, output: Output) -> None:
        self.data += output.data
        self.tokens += output.tokens
        self.told += output.told
        self.end = output.end
        self._news.set()

    def die(self, why: str) -> None:
        self._death = why
        self._news.set()

    async def take(self) -> Output:
        """Everything that has come since the last time, as one; waits until there is something.

        Raises:
            EngineDied: nothing more will come.
        """
        await self._news.wait()
        self._news.clear()
        if self._death is not None:
            raise EngineDied(self._death)
        output = Output(
            id=0, tokens=self.tokens, data=bytes(self.data), end=self.end, told=self.told
        )
        self.data.clear()
        self.tokens = 0
        self.told = []
        return output


class Requests:
    """Everything that is open at the engine; forgotten when the engine says that it has ended."""

    def __init__(self) -> None:
        self._loaded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._streams: dict[int, Stream] = {}
        self._tokens: dict[int, asyncio.Future[list[list[int]]]] = {}
        self._dead = asyncio.Event()
        self._last_id = 0
        self.heard = 0
        """Messages that have come from the engine so far."""

    @property
    def open(self) -> int:
        """Requests that the engine has not ended yet."""
        return len(self._streams)

    @property
    def awaited(self) -> bool:
        """Whether the engine owes anybody anything."""
        return bool(self._streams or self._tokens)

    def is_open(self, request: int) -> bool:
        return request in self._streams

    def open_stream(self) -> tuple[int, Stream]:
        """A new request's id and its stream. Raises EngineDied."""
        request = self._next_id()
        stream = self._streams[request] = Stream()
        return request, stream

    def await_tokens(self) -> tuple[int, asyncio.Future[list[list[int]]]]:
        """A new question's id and its answer to be. Raises EngineDied."""
        request = self._next_id()
        tokens = self._tokens[request] = asyncio.get_running_loop().create_future()
        return request, tokens

    async def wait_until_loaded(self) -> None:
        """Raises EngineDied."""
        await self._loaded

    async def wait_until_dead(self) -> None:
        await self._dead.wait()

    def deliver(self, message: FromChild) -> None:
        """Hands what the engine has said to who waits for it."""
        self.heard += 1
        match message:
            case Stepped(outputs=outputs):
                for output in outputs:
                    self._deliver_output(output)
            case Tokens(id=request, tokens=tokens):
                waiting = self._tokens.pop(request)
                if not waiting.done():
                    waiting.set_result(tokens)
            case Loaded():
                self._settle_load(None)
            case LoadFailed(why=why):
                self._settle_load(EngineDied(f"OpenVINO cannot load the model: {why}"))

    def die(self) -> None:
        """The engine's process has ended: everybody who waits is told."""
        why = "the engine's process has ended"
        self._dead.set()
        self._settle_load(EngineDied(why))
        for stream in self._streams.values():
            stream.die(why)
        for waiting in self._tokens.values():
            if not waiting.done():
                waiting.set_exception(EngineDied(why))
        self._streams.clear()
        self._tokens.clear()

    def _deliver_output(self, output: Output) -> None:
        self._streams[output.id].push(output)
        if output.end is not None:
            del self._streams[output.id]

    def _settle_load(self, error: EngineDied | None) -> None:
        if self._loaded.done():
            return
        if error is None:
            self._loaded.set_result(None)
        else:
            self._loaded.set_exception(error)

    def _next_id(self) -> int:
        if self._dead.is_set():
            raise EngineDied("the engine's process has ended")
        self._last_id += 1
        return self._last_id
