"""Asking over the wire and showing the answer as it comes."""

from collections.abc import Callable

import grpc
from rich.console import Console
from rich.text import Text

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import walk_pb2
from failsoft_cli.addresses import Ports, on_loopback
from failsoft_cli.console import harmless, prose
from failsoft_cli.program import spelling
from failsoft_cli.render import hop_notes, hops_table, summary, words
from failsoft_client import Client, FailsoftRpcError, Question, word
from failsoft_client.question import Options
from failsoft_client.reply import Reply

_WHO_LISTENS_WHERE = (
    f"questions go to the router, usually at {on_loopback(Ports().router)},"
    f" and an operator's calls to its admin port, usually at {on_loopback(Ports().admin)}"
)


_NOT_GRPC = "Failed parsing HTTP/2"
"""What gRPC says of a port that answers, and speaks something else."""

_NO_TLS = ("Tls handshake failed", "Hostname Verification Check failed")
"""What gRPC says of a port that has no TLS, another authority or another name."""

_CLOSED = ("failed to connect", "Socket closed")
"""What gRPC says, both of it, of a port that lets nobody in who comes like this."""


class Teller:
    """Writes one answer to a console, piece by piece."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._in_line = False
        self.pieces = 0
        """Pieces of text that have come."""

    def take(self, event: pb.StreamGenerateResponse) -> None:
        """Show the next event, if there is something to see."""
        match event.WhichOneof("event"):
            case "delta" if event.delta.WhichOneof("content") in ("text", "refusal"):
                self.pieces += 1
                self._say(event.delta.text or event.delta.refusal)
            case "stream_reset":
                self._void(event.stream_reset)

    def end(self) -> None:
        """Begin a new line, unless there is one."""
        if self._in_line:
            self._out.print()
            self._in_line = False

    def _say(self, text: str) -> None:
        self._out.print(Text(harmless(text)), end="", soft_wrap=True)
        self._out.file.flush()
        self._in_line = not text.endswith("\n")

    def _void(self, reset: pb.StreamReset) -> None:
        self.end()
        reason = words(word(walk_pb2.ErrorClass.DESCRIPTOR, reset.reason))
        note = f"[the answer so far is void ({reason}); another target starts it again]"
        prose(self._out, note, style="yellow")


def ask(
    client: Client, question: Question, options: Options, *, out: Console, now: Callable[[], float]
) -> Reply:
    """Stream one answer to the console, and then who served it.

    Args:
        now: The clock, in seconds.

    Raises:
        FailsoftRpcError: There is no whole answer.
    """
    began = now()
    teller = Teller(out)
    with client.stream(question, **options) as stream:
        try:
            for event in stream:
                teller.take(event)
        finally:
            teller.end()
    reply = stream.reply
    if reply is None:
        message = "the stream ended without its last event"
        raise FailsoftRpcError(code=grpc.StatusCode.UNKNOWN, message=message)
    for sentence in (summary(reply.raw.finished, took=now() - began), *hop_notes(reply.hops)):
        prose(out, sentence, style="dim")
    return reply


def complain(error: FailsoftRpcError, *, address: str, err: Console) -> None:
    """Say what went wrong and what to do about it."""
    for line in _sentences(error, address):
        prose(err, harmless(line), style="red")
    if error.hops:
        err.print(hops_table(error.hops), crop=False)
    for note in hop_notes(error.hops):
        prose(err, note)
    if error.walk is not None and error.walk.walk_id:
        prose(err, why(error.walk.walk_id, address=address), style="dim")


def why(walk_id: str, *, address: str) -> str:
    """The command that tells why a walk ended as it did.

    Args:
        address: Of the router that was asked, which is not where its operators ask.
    """
    usual = address == on_loopback(Ports().router)
    where = "" if usual else " --address ADMIN --data FOLDER"
    return f"why: {spelling()} explain {walk_id}{where}"


def _sentences(error: FailsoftRpcError, address: str) -> list[str]:
    if not error.reason and (
        error.code is grpc.StatusCode.UNIMPLEMENTED or _NOT_GRPC in error.message
    ):
        return [f"{address} does not take such calls: {_WHO_LISTENS_WHERE}"]
    if error.code is grpc.StatusCode.UNAVAILABLE and not error.reason:
        return [_unreachable(error.message, address)]
    if error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return [f"no answer within the time limit: {error.message}", "give more with --timeout"]
    if error.violations:
        return [f"{each.field}: {each.description}" for each in error.violations]
    sentence = f"{error.reason or error.code.name}: {error.message}"
    if error.retry_after:
        sentence += f"; try again in {error.retry_after:.1f} s"
    if error.request_id:
        sentence += f" (request {error.request_id})"
    return [sentence]


def _unreachable(message: str, address: str) -> str:
    if any(each in message for each in _NO_TLS):
        return (
            f"there is no TLS with {address}: check --ca-file and --server-name, and leave both"
            " away where the router has none"
        )
    if all(each in message for each in _CLOSED):
        return (
            f"{address} hangs up at once: where it has TLS, give --ca-file; where it demands"
            " certificates of callers, there is none to show here"
        )
    return f"{address} cannot be reached: start Failsoft with `{spelling()} up`"
