"""An answer and a fault make a reply. Pure: the same for every dialect, no I/O."""

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import assert_never

from failsoft_upstream import faults
from failsoft_upstream.answer import Answer, Style
from failsoft_upstream.faults import Cover, Fault, Filler, FinishReason, Garble, HintForm
from failsoft_upstream.reply import (
    Abort,
    Encoder,
    Errors,
    Forever,
    Pause,
    Reply,
    SendHeaders,
    Silence,
    Step,
    Write,
)

_MARK = "@"
_LEVELS = 10_000
_BLOCK = 64 * 1024


def refuse(
    fault: faults.Status | faults.ProviderError, errors: Errors, *, model: str, now: datetime
) -> Reply:
    """The reply that is an error by its status.

    Args:
        fault: What to say.
        errors: The provider's own bodies.
        model: The model asked for; providers name it in some bodies.
        now: With a time zone; only for a hint written as a date.
    """
    if isinstance(fault, faults.ProviderError):
        status, body = errors.of_kind(fault.error, model=model)
    else:
        status = fault.status
        own = fault.body is None
        body = errors.of_status(status, model=model) if own else (fault.body or "").encode()
    headers = {"content-type": "application/json", **_hint(fault, errors, now)}
    headers |= {name.lower(): value for name, value in fault.headers.items()}
    return Reply(status=status, headers=headers, steps=(Write(body),))


def _hint(
    fault: faults.Status | faults.ProviderError, errors: Errors, now: datetime
) -> Mapping[str, str]:
    seconds = fault.retry_after
    if seconds is None:
        return {}
    match fault.form:
        case HintForm.SECONDS:
            return {"retry-after": f"{seconds:g}"}
        case HintForm.DATE:
            at = now + timedelta(seconds=seconds)
            whole = at.replace(microsecond=0) + timedelta(seconds=at.microsecond > 0)
            return {"retry-after": format_datetime(whole, usegmt=True)}
        case HintForm.MILLISECONDS:
            return {"retry-after-ms": f"{seconds * 1000:g}"}
        case HintForm.RESET:
            return errors.reset(seconds, now)
        case _:
            assert_never(fault.form)


def perform(
    fault: Fault,
    answer: Answer,
    *,
    encoder: Encoder,
    errors: Errors,
    style: Style,
    model: str,
    now: datetime,
) -> Reply:
    """What the caller sees of `answer` when `fault` befalls it.

    Args:
        fault: Any but `Refuse`, which no request gets to see.
        answer: What is said when nothing fails.
        encoder: Writes the pieces of this answer.
        errors: The provider's own error bodies.
        style: How fast it is said.
        model: The model asked for; providers name it in some errors.
        now: With a time zone; only for a hint written as a date.
    """
    if isinstance(fault, faults.Status | faults.ProviderError):
        return refuse(fault, errors, model=model, now=now)
    if isinstance(fault, faults.EmptyBody):
        return Reply(headers={"content-type": encoder.content_type})
    steps = tuple(_Performance(answer, encoder, style).steps(fault))
    reply = Reply(
        headers={"content-type": encoder.content_type},
        steps=steps,
        streamed=encoder.streams or not _is_whole(steps),
    )
    match fault:
        case faults.ContentType():
            return replace(reply, headers={"content-type": fault.value})
        case faults.Slice():
            return replace(reply, steps=tuple(_sliced(steps, fault.size)), streamed=True)
        case faults.Compressed():
            headers = {**reply.headers, "content-encoding": "gzip"}
            return replace(reply, headers=headers, steps=_compressed(steps, fault.blank))
        case faults.Endless():
            return replace(reply, status=fault.status)
        case _:
            return reply


def _is_whole(steps: tuple[Step, ...]) -> bool:
    """Whether it is one body, after a pause or none."""
    body = steps[1:] if steps and isinstance(steps[0], Pause) else steps
    return all(isinstance(step, Write) for step in body)


def _sliced(steps: tuple[Step, ...], size: int) -> Iterator[Step]:
    """The same bytes in writes of `size`; the loop turns between two of them."""
    data = b"".join(step.data for step in steps if isinstance(step, Write))
    tokens = sum(step.tokens for step in steps if isinstance(step, Write))
    for start in range(0, len(data), size):
        last = start + size >= len(data)
        yield Write(data[start : start + size], tokens if last else 0)
        yield Pause(0)


def _compressed(steps: tuple[Step, ...], blank: int) -> tuple[Step, ...]:
    """The same bytes in one gzip stream, behind `blank` bytes of blank space."""
    data = b"".join(step.data for step in steps if isinstance(step, Write))
    tokens = sum(step.tokens for step in steps if isinstance(step, Write))
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS + 16)
    packed = bytearray()
    for start in range(0, blank, _BLOCK):
        packed += packer.compress(b"\n" * min(_BLOCK, blank - start))
    packed += packer.compress(data) + packer.flush()
    return (Write(bytes(packed), tokens),)


class _Performance:
    """One answer, piece by piece, with something going wrong on the way."""

    def __init__(self, answer: Answer, encoder: Encoder, style: Style) -> None:
        self._answer = answer
        self._encoder = encoder
        self._first_delay = style.first_delay
        self._chunk_delay = style.chunk_delay
        if not encoder.streams:
            # A whole answer is sent when its last word is known.
            self._first_delay += style.chunk_delay * max(0, len(answer.contents) - 1)
            self._chunk_delay = 0.0

    def steps(self, fault: Fault) -> Iterator[Step]:
        """Every step of the reply; statuses and empty bodies are decided elsewhere."""
        encoder = self._encoder
        match fault:
            case (
                faults.Healthy()
                | faults.Resume()
                | faults.ContentType()
                | faults.Slice()
                | faults.Compressed()
            ):
                yield from self._whole()
            case faults.Hang():
                yield Silence()
            case faults.Reset():
                if fault.after is not None:
                    yield from self._until(fault.after)
                yield Abort()
            case faults.Slow():
                yield from self._slowly(fault)
            case faults.Stall():
                yield from self._until(fault.after)
                yield Silence() if fault.seconds is None else Pause(fault.seconds)
                yield from self._from(fault.after)
            case faults.Cut():
                yield from self._until(fault.after)
            case faults.Malformed():
                yield from self._until(fault.after)
                yield Write(self._garbled(fault.form))
                yield from self._from(fault.after)
            case faults.StreamError():
                if fault.after and encoder.streams:
                    yield from self._until(fault.after)
                yield Write(encoder.error(fault.error))
            case faults.NoDone():
                yield from self._until(None)
                yield self._finish(self._answer.reason)
            case faults.LeftOpen():
                yield from self._until(None)
                yield self._finish(self._answer.reason)
                yield Silence()
            case faults.Empty():
                yield from self._until(0)
                yield from self._ending(FinishReason.STOP, said=0)
            case faults.Finish():
                yield from self._until(fault.after)
                yield from self._ending(fault.reason, said=fault.after)
            case faults.HugeLine():
                yield from self._until(fault.after)
                yield Write(encoder.content("x" * fault.size), 1)
                yield from self._from(fault.after)
            case faults.Endless():
                yield from self._until(fault.after)
                yield Forever(self._filler(fault.filler))
            case faults.Status() | faults.ProviderError() | faults.EmptyBody() | faults.Refuse():
                raise ValueError(f"{fault.kind} has no steps")
            case _:
                assert_never(fault)

    def _whole(self) -> Iterator[Step]:
        yield from self._until(None)
        yield from self._ending(self._answer.reason)

    def _until(self, after: int | None) -> Iterator[Step]:
        """The opening and the first `after` contents; None: all of them."""
        if self._first_delay:
            yield Pause(self._first_delay)
        yield Write(self._encoder.opening())
        yield from self._contents(0, after)

    def _from(self, after: int) -> Iterator[Step]:
        """What follows the first `after` contents."""
        yield from self._contents(after, None)
        yield from self._ending(self._answer.reason)

    def _contents(self, start: int, stop: int | None) -> Iterator[Step]:
        for position, content in enumerate(self._answer.contents[start:stop], start):
            if position and self._chunk_delay:
                yield Pause(self._chunk_delay)
            yield Write(self._encoder.content(content.text), content.tokens)

    def _finish(self, reason: FinishReason, *, said: int | None = None) -> Step:
        tokens = sum(content.tokens for content in self._answer.contents[:said])
        return Write(self._encoder.finish(reason, tokens=tokens))

    def _ending(self, reason: FinishReason, *, said: int | None = None) -> Iterator[Step]:
        """How an answer ends after its first `said` contents; None: all of them."""
        yield self._finish(reason, said=said)
        if end := self._encoder.end():
            yield Write(end)

    def _slowly(self, fault: faults.Slow) -> Iterator[Step]:
        encoder = self._encoder
        match fault.cover:
            case Cover.SILENCE:
                yield Pause(fault.seconds)
                yield from self._whole()
            case Cover.HEADERS:
                yield SendHeaders()
                yield Pause(fault.seconds)
                yield from self._whole()
            case Cover.KEEP_ALIVES:
                yield from _repeated(encoder.keep_alive(), fault)
                yield from self._whole()
            case Cover.ROLE:
                yield Write(encoder.opening())
                yield Pause(fault.seconds)
                yield from self._from(0)
            case Cover.EMPTY_DELTAS:
                yield Write(encoder.opening())
                yield from _repeated(encoder.blank(), fault)
                yield from self._from(0)
            case _:
                assert_never(fault.cover)

    def _garbled(self, form: Garble) -> bytes:
        match form:
            case Garble.JSON:
                return self._encoder.broken()
            case Garble.UTF8:
                return self._encoder.content(_MARK).replace(_MARK.encode(), b"\xff\xfe")
            case Garble.NESTED:
                return self._encoder.nested(_LEVELS)
            case _:
                assert_never(form)

    def _filler(self, filler: Filler) -> Callable[[int], bytes]:
        encoder = self._encoder
        match filler:
            case Filler.KEEP_ALIVES:
                return lambda _: _block_of(encoder.keep_alive())
            case Filler.EMPTY_DELTAS:
                return lambda _: _block_of(encoder.blank() or encoder.keep_alive())
            case Filler.LINE:
                return lambda _: b"x" * _BLOCK
            case Filler.TEXT:
                return lambda _: encoder.content("x" * _BLOCK)
            case Filler.TOOL_CALLS:
                return encoder.tool_call
            case _:
                assert_never(filler)


def _block_of(data: bytes) -> bytes:
    return data * (_BLOCK // len(data))


def _repeated(data: bytes, fault: faults.Slow) -> Iterator[Step]:
    """`data` at once and every so often, for as long as the fault lasts."""
    every = fault.every or fault.seconds
    times = math.ceil(fault.seconds / every) if every else 0
    for turn in range(times):
        if data:
            yield Write(data)
        yield Pause(min(every, fault.seconds - turn * every))
