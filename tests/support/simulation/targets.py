"""Targets that behave as the weather says."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from random import Random

from failsoft_kit.clock import Clock
from failsoft_model.events import BlockKind, Delta, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.app.targets.place import Place
from failsoft_router.core.policy import Limits, TargetPolicy
from failsoft_router.ports import AttemptFailed, Ending, Piece, TargetCall
from simulation.schedule import Act
from simulation.story import Call, End, Line

Step = float | Piece | AttemptFailed
"""A wait in seconds, something said, or the end of it."""

_REFUSALS: dict[Act, tuple[ErrorClass, int]] = {
    Act.REFUSED: (ErrorClass.TRANSIENT, 0),
    Act.SERVER_ERROR: (ErrorClass.TRANSIENT, 503),
    Act.RATE_LIMITED: (ErrorClass.RATE_LIMITED, 429),
    Act.RATE_LIMITED_WITH_HINT: (ErrorClass.RATE_LIMITED, 429),
    Act.QUOTA: (ErrorClass.QUOTA, 429),
    Act.CREDENTIAL: (ErrorClass.CREDENTIAL, 401),
    Act.MODEL_GONE: (ErrorClass.MODEL_GONE, 404),
    Act.REGION: (ErrorClass.REGION, 403),
    Act.CONTEXT_LENGTH: (ErrorClass.CONTEXT_LENGTH, 400),
    Act.UNSUPPORTED: (ErrorClass.UNSUPPORTED, 400),
    Act.FILTERED: (ErrorClass.CONTENT_FILTER, 400),
    Act.CALLER_FAULT: (ErrorClass.CALLER_FAULT, 400),
}
_BREAKS: dict[Act, ErrorClass] = {
    Act.MALFORMED: ErrorClass.MALFORMED,
    Act.IN_BAND: ErrorClass.TRANSIENT,
    Act.FILTERED_LATE: ErrorClass.CONTENT_FILTER,
}
_HINTS = (0.0, 0.3, 2.0, 30.0, 4000.0)


class SimulatedTarget:
    """One target; each of its calls is drawn from the seed and the attempt's id.

    Attributes:
        place: Where the router keeps what it knows of the target; set before the first call.
    """

    place: Place

    def __init__(
        self,
        policy: TargetPolicy,
        *,
        seed: int,
        belt: bool,
        clock: Clock,
        called: Callable[[TargetCall], Call],
        note: Callable[[Call, str], None],
    ) -> None:
        """
        Args:
            belt: It ends a call itself when the call's total has passed.
            called: Writes a call down and says what to do with it.
            note: Told of what happens in a call, in a few words.
        """
        self.policy = policy
        self.line = Line(policy=policy)
        self._seed = seed
        self._belt = belt
        self._clock = clock
        self._called = called
        self._note = note

    @property
    def patience(self) -> float:
        """Seconds that callers wait for its first content, by what is known of the target."""
        return self.place.history.patience(self.policy.limits.first_content)

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        """See `ports.Target`."""
        written = self._called(call)
        draw = Random(f"{self._seed}/{call.attempt_id}")
        written.waited_from = written.began
        try:
            for step in steps(written, draw, self.policy.limits):
                match step:
                    case float():
                        await self._wait(step, written)
                    case AttemptFailed():
                        raise step
                    case Ending():
                        written.end = End.ANSWERED
                        yield step
                        return
                    case _:
                        said_at = self._say(step, written)
                        yield step
                        self._resume(written, read_for=self._clock.now() - said_at)
            written.end = End.STOPPED
        except AttemptFailed as failure:
            written.end, written.failure = End.FAILED, failure
            raise
        except KeyError:
            written.end = End.CRASHED
            raise
        finally:
            written.ended = self._clock.now()
            if written.end is None:
                written.end = End.CLOSED
            self._note(written, written.end.value)

    async def close(self) -> None:
        """See `ports.Target`; the first time counts."""
        self.line.closed = min(self.line.closed, self._clock.now())

    def _say(self, piece: Delta | StreamReset, written: Call) -> float:
        now = self._clock.now()
        if written.first_content_at is None:
            written.first_content_at = now
            self._note(written, "says its first content")
        if isinstance(piece, StreamReset):
            written.voided.append(written.said.said)
        written.said.take(piece)
        written.waited_from = math.inf
        return now

    def _resume(self, written: Call, *, read_for: float) -> None:
        written.waited_from = self._clock.now()
        written.read_for += read_for
        written.longest_read = max(written.longest_read, read_for)

    async def _wait(self, seconds: float, written: Call) -> None:
        left = written.began + written.total - self._clock.now() if self._belt else math.inf
        if left < seconds:
            await asyncio.sleep(max(0.0, left))
            raise AttemptFailed(ErrorClass.TIMEOUT_TOTAL, "the belt held")
        if seconds == math.inf:
            await asyncio.Event().wait()
        await asyncio.sleep(seconds)


def steps(call: Call, draw: Random, limits: Limits) -> Iterator[Step]:
    """What a target does in one call, step by step."""
    act = call.act
    if act is Act.HANG:
        yield math.inf
    elif act is Act.NO_CONNECTION:
        yield call.connect
        yield AttemptFailed(ErrorClass.TIMEOUT_CONNECT, "no connection", sent=False)
    elif act in _REFUSALS:
        yield 0.0 if act is Act.REFUSED else draw.choice((0.0, 0.1, 1.0)) * draw.random()
        yield _refusal(act, draw)
    else:
        yield from _speech(call.attempt_id, act, draw, limits)


def _refusal(act: Act, draw: Random) -> AttemptFailed:
    error_class, status = _REFUSALS[act]
    hint = draw.choice(_HINTS) if act is Act.RATE_LIMITED_WITH_HINT else None
    return AttemptFailed(
        error_class,
        act.value,
        http_status=status,
        retry_after=hint,
        sent=act is not Act.REFUSED,
    )


def _speech(attempt_id: str, act: Act, draw: Random, limits: Limits) -> Iterator[Step]:
    """Content that names its attempt, piece by piece, and how it ends."""
    slow = draw.uniform(0.3, 1.3) if act is Act.SLOW else draw.uniform(0.01, 0.2)
    yield slow * limits.first_content
    pieces = _pieces(attempt_id, draw)
    pause = draw.choice((0.0, 0.02, 0.1)) * limits.stall
    for piece in pieces[: draw.randrange(1, len(pieces))]:
        yield piece
        yield draw.uniform(0.5, 1.2) * limits.stall if act is Act.GAPPY else pause
    match act:
        case Act.STALL:
            yield math.inf
        case Act.ENDLESS:
            yield from _chatter(attempt_id, 0.5 * limits.stall)
        case Act.TRUNCATED:
            return
        case Act.CRASH:
            raise KeyError("choices")
        case Act.MALFORMED | Act.IN_BAND | Act.FILTERED_LATE:
            yield AttemptFailed(_BREAKS[act], act.value, http_status=200)
        case Act.RESTARTED:
            yield StreamReset(reason=ErrorClass.STALL, from_block=draw.choice((0, 1)))
            yield from _again(attempt_id, draw)
    yield Ending(
        finish_reason=FinishReason.LENGTH if act is Act.LENGTH else FinishReason.STOP,
        model="simulated",
        usage=draw.choice((None, Usage(input_tokens=3, output_tokens=len(pieces)))),
    )


def _pieces(attempt_id: str, draw: Random) -> list[Delta]:
    reasoning = [(BlockKind.REASONING, 0)] * draw.choice((0, 0, 2))
    text = [(BlockKind.TEXT, 1)] * draw.randint(2, 6)
    calls = [(BlockKind.TOOL_CALL, 2)] * draw.choice((0, 0, 0, 2))
    rest = "and on and on " * draw.choice((0, 0, 9))
    return [
        Delta(text=f"{attempt_id}#{number} {rest}", kind=kind, block=block)
        for number, (kind, block) in enumerate([*reasoning, *text, *calls])
    ]


def _again(attempt_id: str, draw: Random) -> Iterator[Step]:
    yield 0.01
    for number in range(draw.randint(1, 3)):
        yield Delta(text=f"{attempt_id}#again{number} ", block=1)


def _chatter(attempt_id: str, pause: float) -> Iterator[Step]:
    number = 100
    while True:
        yield pause
        yield Delta(text=f"{attempt_id}#{number} ", block=1)
        number += 1
