"""The engine's process: loads the model, then steps it and talks to the service between steps.

It ends when the service does: its socket closes, and on Linux the kernel kills it besides.
"""

import ctypes
import os
import select
import signal
import socket
import sys
import traceback
from typing import TYPE_CHECKING

import msgspec

from failsoft_kit.clock import Clock, SystemClock
from failsoft_local_llm.adapters.openvino.protocol import (
    LENGTH,
    Cancel,
    FromChild,
    Generate,
    Loaded,
    LoadFailed,
    LoadModel,
    Stepped,
    ToChild,
    Tokenize,
    Tokens,
)

if TYPE_CHECKING:
    from failsoft_local_llm.adapters.openvino.runner import Runner

_PR_SET_PDEATHSIG = 1
_SILENT_SECONDS = 5.0
"""How often it says something while a form is tried: silence would be taken for a hang."""
_LISTENING_SECONDS = 0.05
"""How long who is answered, or has a form tried, waits for what others ask."""


class Gone(Exception):
    """The service has closed its end."""


class Channel:
    """Frames over the socket that was inherited from the service."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._decoder = msgspec.msgpack.Decoder(ToChild)
        self._encoder = msgspec.msgpack.Encoder()

    def send(self, message: FromChild) -> None:
        payload = self._encoder.encode(message)
        self._connection.sendall(LENGTH.pack(len(payload)) + payload)

    def receive(self) -> ToChild:
        """The next message; waits for it. Raises Gone."""
        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        message: ToChild = self._decoder.decode(self._exactly(length))
        return message

    def waiting(self) -> bool:
        """Whether there is something to receive, if only the end."""
        return bool(select.select([self._connection], [], [], 0.0)[0])

    def wait(self, runner: "Runner", *, at_most: float | None) -> None:
        """Returns when there is something to receive, or for the runner to do.

        Args:
            at_most: Seconds; None: for as long as it takes.
        """
        select.select([self._connection.fileno(), runner.fileno()], [], [], at_most)

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            received = self._connection.recv(count - len(data))
            if not received:
                raise Gone
            data += received
        return bytes(data)


def main(descriptor: int, service: int) -> None:
    """Runs until the service closes its end of the socket.

    Args:
        descriptor: Of our end of the socket.
        service: The service's process.
    """
    _die_with_the_service()
    if os.getppid() != service:
        return  # it has died too early for the kernel to tell
    from failsoft_local_llm.adapters.openvino.runner import Runner  # takes a second

    channel, clock = Channel(socket.socket(fileno=descriptor)), SystemClock()
    try:
        order = channel.receive()
        if not isinstance(order, LoadModel):
            raise TypeError("the first message must say what to load")
        try:
            runner = Runner(order)
        except (RuntimeError, OSError) as error:
            channel.send(LoadFailed(why=str(error).strip()))
            return
        channel.send(Loaded())
        while True:
            _turn(channel, runner, clock=clock)
    except (Gone, ConnectionError):
        # At once: OpenVINO's own ending complains on stderr of requests that nobody wants any more.
        os._exit(0)


def _turn(channel: Channel, runner: "Runner", *, clock: Clock) -> None:
    """What the service has said, as far as there is time for it, then one step."""
    if not runner.busy:
        channel.wait(runner, at_most=_SILENT_SECONDS if runner.trying else None)
    until = clock.now() + _LISTENING_SECONDS
    while channel.waiting() and not (_is_awaited(runner) and clock.now() >= until):
        match channel.receive():
            case Tokenize(id=request, texts=texts):
                channel.send(Tokens(id=request, tokens=runner.tokenize(texts)))
            case Generate() as order:
                runner.begin(order)
            case Cancel(id=request):
                runner.cancel(request)
    runner.begin_tried()
    if _is_awaited(runner):
        channel.send(Stepped(outputs=runner.step()))


def _is_awaited(runner: "Runner") -> bool:
    """Whether there is anybody who is answered, or will be when a form was tried."""
    return runner.busy or runner.trying


def _die_with_the_service() -> None:
    """Has the kernel kill this process when the service's ends, even inside a step."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), int(sys.argv[2]))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        sys.stderr.write(
            f"the engine failed: {type(error).__name__} in {where.name}, line {where.lineno}\n"
        )
        os._exit(1)  # at once: a form that is being compiled would be waited for
