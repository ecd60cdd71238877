"""Starting and ending the engine's process, and the frames that go to it and come from it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import cast

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_local_llm.adapters.openvino.protocol import LENGTH, FromChild, ToChild
from failsoft_local_llm.ports import EngineDied

_log: FilteringBoundLogger = structlog.get_logger()

_CHILD = "failsoft_local_llm.adapters.openvino.child"
_GRACE_SECONDS = 2.0
"""How long the process may take to end by itself when its socket is closed."""


class Frames(asyncio.Protocol):
    """Our end of the socket pair: whole messages out of bytes, and bytes out of messages."""

    def __init__(
        self, *, on_message: Callable[[FromChild], None], on_end: Callable[[], None]
    ) -> None:
        """
        Args:
            on_message: Called for each message that has come.
            on_end: Called once, when nothing more can come.
        """
        self._on_message = on_message
        self._on_end = on_end
        self._received = bytearray()
        self._decoder = msgspec.msgpack.Decoder(FromChild)
        self._encoder = msgspec.msgpack.Encoder()
        self._transport: asyncio.WriteTransport | None = None

    def send(self, message: ToChild) -> None:
        """Hands the message over; what a dead process does not read is lost without a word."""
        if self._transport is not None:
            payload = self._encoder.encode(message)
            self._transport.write(LENGTH.pack(len(payload)) + payload)

    def close(self) -> None:
        """Tells the process that nobody wants it any more."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._frame_end()) <= len(self._received):
            message = self._decoder.decode(self._received[LENGTH.size : end])
            del self._received[:end]
            self._on_message(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._on_end()

    def _frame_end(self) -> int:
        """Where the first frame ends, as far as that is known."""
        if len(self._received) < LENGTH.size:
            return LENGTH.size + 1
        (length,) = LENGTH.unpack_from(self._received)
        return LENGTH.size + int(length)


class EngineProcess:
    """A running engine process."""

    def __init__(self, process: subprocess.Popen[bytes], frames: Frames) -> None:
        self._process = process
        self._frames = frames

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: ToChild) -> None:
        """Hands the message over; what a dead process does not read is lost without a word."""
        self._frames.send(message)

    async def obituary(self) -> str:
        """How the process ended, in words for the operator; called when it speaks no more."""
        code = await self._exit_code(within=_GRACE_SECONDS)
        if code is None:
            return f"the engine's process {self.pid} speaks no more"
        if code < 0:
            return f"the engine's process {self.pid} was killed by {signal.Signals(-code).name}"
        return f"the engine's process {self.pid} ended with exit code {code}"

    async def end(self) -> None:
        """Ends the process, by force if it takes too long; returns when it is gone."""
        self._frames.close()
        try:
            await self._exit_code(within=_GRACE_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()

    async def _exit_code(self, *, within: float) -> int | None:
        """Waits for the process to end; None: it did not within that many seconds."""
        try:
            return await asyncio.to_thread(self._process.wait, within)
        except subprocess.TimeoutExpired:
            return None


@contextlib.asynccontextmanager
async def running_process(frames: Frames) -> AsyncIterator[EngineProcess]:
    """A fresh engine process at the other end of these frames; leaving the context ends it.

    Raises:
        EngineDied: no process can be started.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        await asyncio.get_running_loop().create_unix_connection(lambda: frames, sock=ours)
        try:
            process = _spawn(theirs.fileno())
        except OSError as error:
            frames.close()
            raise EngineDied(f"the engine cannot be started: {error.strerror}") from error
    engine = EngineProcess(process, frames)
    _log.info("engine.started", pid=engine.pid)
    try:
        yield engine
    finally:
        await engine.end()


def _spawn(descriptor: int) -> subprocess.Popen[bytes]:
    """Executes the child.

    Not through the event loop, whose `fork` has gRPC's handlers run in both processes:
    this one is a `vfork`, of which gRPC and its threads learn nothing.
    """
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", _CHILD, str(descriptor), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[descriptor],
        start_new_session=True,  # Ctrl-C in a terminal is the service's, which drains first
    )
