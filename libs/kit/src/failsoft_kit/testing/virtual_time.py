"""An event loop whose time stands still while anything can run, and jumps when nothing can.

A test of an hour's cool-down takes a millisecond and always ends the same way:

    @virtual_time.test
    async def test_a_cool_down_lasts_an_hour(door: Door) -> None:
        await asyncio.sleep(3600.0)
        assert door.is_open()

`test` makes a plain function of it, so pytest-asyncio leaves it alone. It takes fixtures, but no
asynchronous ones: those would live on another loop. `run` does the same for one coroutine.

Everything that asyncio builds on timers follows: `sleep`, `timeout`, `wait_for`, queues, locks,
and with them `LoopClock`. Sockets, gRPC and threads live in real time and are refused.

A run fails, and says which tasks and where they wait, when
* nothing can ever happen again (`Hang`): a message instead of a test that never ends;
* tasks outlive it (`LeftBehind`);
* an error got lost, raised in a callback or by a task that nobody awaited (`LostErrors`).
"""

import asyncio
import functools
import heapq
import selectors
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextvars import Context
from pathlib import PurePath
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

START = 1000.0
"""Seconds; not zero, so that code which takes 0.0 for "never" is found out."""

_END = 2.0**24
"""Seconds. Later, a float is too coarse for asyncio, which would wait for ever."""

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class Hang(AssertionError):
    """Every task waits, and there is no timer that could wake one."""


class LeftBehind(AssertionError):
    """The run has ended, and tasks that it started have not."""


class LostErrors(AssertionError):
    """Errors were raised where nobody could catch them."""


def run(coroutine: Coroutine[object, None, _T], *, start: float = START) -> _T:
    """Run a coroutine to its end on a loop of its own.

    Args:
        start: What the loop's time is at first, in seconds; from 0 to 194 days.

    Returns:
        What the coroutine returns; what it raises is raised.

    Raises:
        Hang, LeftBehind, LostErrors: see above.
    """
    lost: list[Mapping[str, object]] = []
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(start=start)) as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(lambda _, context: lost.append(context))
        result = runner.run(coroutine)
        left = asyncio.all_tasks(loop)
        if left:
            raise LeftBehind(_listing("the run has ended, but not these tasks:", left))
    if lost:
        errors = [f"{context['message']}: {context.get('exception')!r}" for context in lost]
        raise LostErrors("\n  ".join(["nobody could catch these errors:", *errors]))
    return result


def test(
    function: Callable[_P, Coroutine[object, None, None]],
) -> Callable[_P, None]:
    """Decorate an asynchronous test: it becomes a plain one that runs in virtual time."""

    @functools.wraps(function)
    def run_in_virtual_time(*args: _P.args, **kwargs: _P.kwargs) -> None:
        run(function(*args, **kwargs))

    return run_in_virtual_time


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop itself, for those who need more than `run`."""

    def __init__(self, *, start: float = START) -> None:
        self._virtual_now = start
        self._timers: list[asyncio.TimerHandle] = []
        super().__init__(_IdleSelector(self._when_idle))

    def time(self) -> float:
        """Seconds since nothing in particular; moves only while every task waits."""
        return self._virtual_now

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio has it, and every timer comes through here: remember where time may jump."""
        if not when < _END:
            raise ValueError(f"virtual time ends at {_END}, so nothing can be set for {when}")
        timer = super().call_at(when, callback, *args, context=context)
        heapq.heappush(self._timers, timer)
        return timer

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[Unpack[_Ts]], _T],
        *args: *_Ts,
    ) -> NoReturn:
        """Refused: virtual time would run away while the thread works."""
        raise RuntimeError("there are no threads in virtual time")

    def _when_idle(self, timeout: float | None) -> None:
        """Nothing is ready: jump to the next timer, exactly, whatever asyncio's sum came to."""
        if timeout is None:
            reason = f"at {self._virtual_now} nothing can happen any more; these tasks wait:"
            raise Hang(_listing(reason, asyncio.all_tasks(self)))
        while self._timers[0].cancelled() or self._timers[0].when() <= self._virtual_now:
            heapq.heappop(self._timers)
        self._virtual_now = self._timers[0].when()


class _IdleSelector(selectors.DefaultSelector):
    """Never waits; tells when the loop would, and for how long at most."""

    def __init__(self, when_idle: Callable[[float | None], None]) -> None:
        super().__init__()
        self._when_idle = when_idle

    def register(
        self, fileobj: "FileDescriptorLike", events: int, data: object = None
    ) -> selectors.SelectorKey:
        if self.get_map():  # the loop's own pipe comes first
            raise RuntimeError("there are no sockets in virtual time")
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout != 0:
            self._when_idle(timeout)
        return ready


def _listing(reason: str, tasks: Iterable[asyncio.Task[object]]) -> str:
    lines = sorted(f"{task.get_name()}: {' > '.join(_stack(task))}" for task in tasks)
    return "\n  ".join([reason, *lines])


def _stack(task: asyncio.Task[object]) -> Iterator[str]:
    """Where the task waits, from its own function down to the innermost one."""
    waiting: object = task.get_coro()
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is None:
            return
        place = f"{PurePath(frame.f_code.co_filename).name}:{frame.f_lineno}"
        yield f"{frame.f_code.co_qualname} ({place})"
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
