"""What the acts play on: asking, seeing, breaking and mending."""

import asyncio
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from failsoft.inference.v1.walk_pb2 import Hop
from failsoft.router.v1 import admin_service_pb2 as admin_pb
from failsoft_cli.admin import Admin
from failsoft_cli.console import prose
from failsoft_cli.conversation import Teller
from failsoft_cli.demo.cloud import CloudControl
from failsoft_cli.render import hops_table, seconds, summary
from failsoft_cli.supervisor.stack import Stack
from failsoft_client.aio import Client
from failsoft_client.reply import Reply
from failsoft_kit.clock import Clock

_MAX_TOKENS = 48
_PAUSE_SECONDS = 2.5
_CLOSE_CALL = 0.05


class Unexpected(Exception):
    """An act does not show what it says that it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer and how it came.

    Attributes:
        pieces: In how many pieces of text it came.
        asked: When the question was asked, a moment of the clock.
        took: Seconds to its end.
    """

    reply: Reply
    pieces: int
    asked: float
    took: float

    def hop(self, target: str) -> Hop:
        """The hop of that target.

        Raises:
            Unexpected: The walk never came to it.
        """
        for hop in self.reply.hops:
            if hop.target == target:
                return hop
        raise Unexpected(f"expected a hop of {target}, but the walk never came to it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running stack, its look-alike, and the audience's console."""

    out: Console
    client: Client
    admin: Admin
    cloud: CloudControl
    stack: Stack
    clock: Clock
    fast: bool

    async def ask(self, question: str) -> Answer:
        """Ask at temperature 0 and show the answer, the hops and who served."""
        self.out.print()
        self.out.print(Text(f"» {question}", style="bold"))
        began, teller = self.clock.now(), Teller(self.out)
        async with self.client.stream(question, temperature=0.0, max_tokens=_MAX_TOKENS) as stream:
            try:
                async for event in stream:
                    teller.take(event)
            finally:
                teller.end()
        if stream.reply is None:
            raise Unexpected("expected a whole answer, but the stream ended without its last event")
        took = self.clock.now() - began
        self._show(stream.reply, took)
        return Answer(reply=stream.reply, pieces=teller.pieces, asked=began, took=took)

    def say(self, sentence: str) -> None:
        """Tell the audience something."""
        prose(self.out, sentence)

    def expect(self, what: str, *, holds: bool, seen: object) -> None:
        """Check what the act shows, and show that it was checked.

        Args:
            what: What should be seen, such as "served by cloud".

        Raises:
            Unexpected: It does not hold.
        """
        if not holds:
            raise Unexpected(f"expected {what}, but saw {seen}")
        shown = "" if str(seen) in what else f" ({seen})"
        prose(self.out, f"  ✓ {what}{shown}", style="green")

    async def pause(self) -> None:
        """Let the audience read, unless it is in a hurry."""
        if not self.fast:
            await asyncio.sleep(_PAUSE_SECONDS)

    async def wait_until(self, moment: float, why: str) -> None:
        """Wait for a moment of the clock, and say so if it is still to come."""
        left = moment - self.clock.now()
        if left > 0:
            with self.out.status(f"waiting {left:.1f} s: {why}"):
                await asyncio.sleep(left)

    async def until_due(self, target: str) -> None:
        """Wait until a target's breaker lets a probe through."""
        while True:
            breaker = await self._breaker(target)
            if breaker.state != admin_pb.BREAKER_STATE_OPEN or not seconds(breaker.due_in):
                return
            due = seconds(breaker.due_in) + _CLOSE_CALL
            self.say(f"The breaker of {target} lets a probe through in {due:.1f} s.")
            await self.wait_until(self.clock.now() + due, f"the breaker of {target} is open")

    async def _breaker(self, target: str) -> admin_pb.Breaker:
        targets = await asyncio.to_thread(self.admin.targets)
        return next(each.breaker for each in targets if each.name == target)

    def _show(self, reply: Reply, took: float) -> None:
        self.out.print()
        if reply.hops:
            self.out.print(hops_table(reply.hops), crop=False)
        prose(self.out, summary(reply.raw.finished, took=took), style="dim")
