"""Whatever a target does, the attempt ends in one of the ways that the walk knows."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import SpanContext
from failsoft_kit.testing import virtual_time
from failsoft_model.chat import ChatRequest
from failsoft_model.events import Delta, StreamReset
from failsoft_model.walk import ErrorClass, FinishReason
from failsoft_router.app.calls.attempt import AttemptLimits, run_attempt
from failsoft_router.ports import MAX_ANSWER, AttemptFailed, Ending, Piece, Target, TargetCall

CALL = TargetCall(
    request=ChatRequest(model="chat", messages=()),
    attempt_id="walk/1/1",
    tenant="acme",
    span=SpanContext(trace_id=1, span_id=2, sampled=True),
    connect=1.0,
    total=10.0,
)


class Saying:
    """A target that says pieces and then raises, if there is something to raise."""

    def __init__(
        self,
        *pieces: Piece,
        then: Exception | None = None,
        hangs: bool = False,
        fails_to_close: Exception | None = None,
    ) -> None:
        self._pieces = pieces
        self._then = then
        self._hangs = hangs
        self._fails_to_close = fails_to_close

    async def stream(self, call: TargetCall) -> AsyncGenerator[Piece, None]:
        try:
            for piece in self._pieces:
                yield piece
            if self._hangs:
                await asyncio.Event().wait()
            if self._then is not None:
                raise self._then
        finally:
            if self._fails_to_close is not None:
                raise self._fails_to_close

    async def close(self) -> None:
        """Nothing is held."""


async def attempt(target: Target, taken: list[Piece]) -> Ending:
    clock = LoopClock()

    async def take(piece: Delta | StreamReset) -> None:
        taken.append(piece)

    limits = AttemptLimits(first_content_at=clock.now() + 1.0, stall=1.0, end_at=clock.now() + 10.0)
    return await run_attempt(target, CALL, limits=limits, clock=clock, take=take)


@virtual_time.test
async def test_an_error_of_our_own_in_mid_stream_is_a_failed_attempt() -> None:
    """The walk has other targets; a mistake in one adapter must not cost them."""
    taken: list[Piece] = []

    with pytest.raises(AttemptFailed) as failed:
        await attempt(Saying(Delta(text="hi"), then=ValueError("canary")), taken)

    assert failed.value.error_class is ErrorClass.UNKNOWN
    assert "canary" not in failed.value.detail
    assert taken == [Delta(text="hi")]


@virtual_time.test
async def test_a_failure_that_the_target_names_is_passed_on() -> None:
    told = AttemptFailed(ErrorClass.QUOTA, "the account has nothing left")

    with pytest.raises(AttemptFailed) as failed:
        await attempt(Saying(then=told), [])

    assert failed.value is told


NOT_LET_GO = [OSError("the socket was closed already"), AttemptFailed(ErrorClass.TRUNCATED, "cut")]


@pytest.mark.parametrize("failure", NOT_LET_GO, ids=["a mistake", "a failure"])
def test_who_hangs_up_is_gone_though_the_target_fails_to_let_go(failure: Exception) -> None:
    """The walk went on for nobody, to the next target."""

    async def hang_up() -> None:
        target = Saying(hangs=True, fails_to_close=failure)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(attempt(target, []))
            await asyncio.sleep(0.5)
            task.cancel()

        assert task.cancelled()

    virtual_time.run(hang_up())


@virtual_time.test
async def test_silence_is_told_as_such_though_the_target_fails_to_let_go() -> None:
    with pytest.raises(AttemptFailed) as failed:
        await attempt(Saying(hangs=True, fails_to_close=OSError("closed already")), [])

    assert failed.value.error_class is ErrorClass.TIMEOUT_FIRST_CONTENT


@pytest.mark.parametrize("failure", NOT_LET_GO, ids=["a mistake", "a failure"])
def test_a_whole_answer_is_kept_though_the_target_fails_to_let_go(failure: Exception) -> None:
    async def answered() -> None:
        done = Ending(finish_reason=FinishReason.STOP, model="m")

        assert await attempt(Saying(done, fails_to_close=failure), []) is done

    virtual_time.run(answered())


@virtual_time.test
async def test_an_answer_that_does_not_end_is_given_up() -> None:
    """It is held in memory until the end."""
    piece = Delta(text="x" * (MAX_ANSWER // 4))
    taken: list[Piece] = []

    with pytest.raises(AttemptFailed) as failed:
        await attempt(Saying(*[piece] * 5), taken)

    assert failed.value.error_class is ErrorClass.MALFORMED
    assert len(taken) == 4


@virtual_time.test
async def test_what_the_reader_raises_is_not_the_targets_fault() -> None:
    async def take(piece: Delta | StreamReset) -> None:
        raise RuntimeError("the caller's connection broke")

    clock = LoopClock()
    limits = AttemptLimits(first_content_at=clock.now() + 1.0, stall=1.0, end_at=clock.now() + 9.0)
    done = Ending(finish_reason=FinishReason.STOP, model="m")

    with pytest.raises(RuntimeError):
        await run_attempt(
            Saying(Delta(text="hi"), done), CALL, limits=limits, clock=clock, take=take
        )
