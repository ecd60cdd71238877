"""Server-sent events, bytes in and data payloads out.

Only what LLM providers send: `data:` lines. Comments (keep-alives), other fields and
blank lines carry no content and are passed over.
"""

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""A provider that sends more without an end of line is not speaking SSE."""


class EventTooLong(Exception):
    """A line grew past `MAX_EVENT_BYTES`."""


class SseParser:
    """Cuts a body into the payloads of its `data:` lines, however the body is cut into chunks.

    Every byte is looked at once, so that a long line in small chunks costs no more than in one.
    A payload of several lines is given line by line: no provider sends one.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The payloads that `chunk` completes, in order.

        Raises:
            EventTooLong: A line is longer than any provider's.
        """
        head, line_end, tail = chunk.rpartition(b"\n")
        if not line_end:
            self._rest += chunk
            payloads = []
        else:
            self._rest += head
            payloads = _payloads(bytes(self._rest))
            self._rest = bytearray(tail)
        if len(self._rest) > MAX_EVENT_BYTES:
            raise EventTooLong
        return payloads

    def end(self) -> list[bytes]:
        """The payload of a last line that no end of line follows; the body is over."""
        payloads = _payloads(bytes(self._rest))
        self._rest = bytearray()
        return payloads


def _payloads(lines: bytes) -> list[bytes]:
    return [
        payload
        for line in lines.split(b"\n")
        if line.startswith(b"data:") and (payload := line[5:].strip())
    ]
