"""Ten times as many requests as can be answered, for a minute of virtual time.

The engine of it answers a number of requests side by side, each at a pace of its own that does
not depend on the others. What callers get to see is what counts: an answer that is whole before
their deadline, or a refusal in time.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.telemetry import Meter, Tracer
from failsoft_kit.testing import virtual_time
from failsoft_local_llm.app.entrance import Entrance
from failsoft_local_llm.core.admission.door import Limits
from failsoft_local_llm.core.admission.ticket import Claim, Work
from failsoft_model.chat import Criticality
from failsoft_model.errors import Overloaded
from failsoft_model.walk import Load

SECONDS = 60.0
PLACES = 8
WAITING = 32
READING, WRITING = 0.001, 0.02
"""Seconds a token."""
OFFERED = 10
SHARES = {Criticality.CRITICAL_PLUS: 3, Criticality.CRITICAL: 57, Criticality.SHEDDABLE: 40}
"""Per cent of the requests: those that matter most are a third of what can be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one caller wants; the engine alone knows how long the answer will be."""

    tenant: str
    criticality: Criticality
    work: Work
    length: int
    left: float

    @property
    def seconds(self) -> float:
        return self.work.prompt * READING + self.length * WRITING


def request(draw: random.Random) -> Request:
    most = draw.choice([32, 128, 256])
    return Request(
        tenant="hog" if draw.random() < 0.9 else draw.choice("abc"),
        criticality=draw.choices(list(SHARES), list(SHARES.values()))[0],
        work=Work(prompt=draw.randint(10, 1000), output=most),
        length=draw.randint(most // 4, most),
        left=draw.uniform(6.0, 20.0),
    )


@dataclass(slots=True)
class Seen:
    """What the callers have seen."""

    end: float
    """When the minute is over."""
    good: Counter[object] = field(default_factory=Counter)
    """Whole answers in time by criticality, and by tenant."""
    asked: Counter[object] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    """Requests whose deadline came while they were answered."""
    waited_past: int = 0
    """Requests whose deadline came while they waited."""
    busy: float = 0.0
    """Seconds that answers took that were of use, and whole within the minute."""
    longest_queue: int = 0


async def ask(entrance: Entrance, wanted: Request, seen: Seen) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wanted.left
    claim = Claim(
        tenant=wanted.tenant,
        criticality=wanted.criticality,
        work=wanted.work,
        deadline_at=deadline,
    )
    kinds = (wanted.criticality, wanted.tenant)
    seen.asked.update(kinds)
    begun = False
    try:
        async with asyncio.timeout_at(deadline + 1e-6):
            with entrance.place(claim, engine=Load()) as place:
                seen.longest_queue = max(seen.longest_queue, entrance.load(Load()).waiting)
                await entrance.turn(place, wanted.work)
                begun = True
                place.begin(compiles=False)
                await asyncio.sleep(wanted.work.prompt * READING)
                place.heard(1, last=False)
                await asyncio.sleep(wanted.length * WRITING)
                place.heard(wanted.length - 1, last=True)
    except Overloaded as refused:
        seen.refusals[refused.metadata["admission"]] += 1
    except TimeoutError:
        if begun:
            seen.cut += 1
        else:
            seen.waited_past += 1
    else:
        seen.good.update(kinds)
        if loop.time() <= seen.end:
            seen.busy += wanted.seconds


async def a_minute(*, seed: int) -> Seen:
    """Of ten times as much as there are places for."""
    draw, seen = random.Random(seed), Seen(end=asyncio.get_running_loop().time() + SECONDS)
    usual = sum(request(draw).seconds for _ in range(1000)) / 1000
    entrance = Entrance(
        Limits(requests=PLACES, tokens=None, waiting=WAITING, waiting_tokens=1024 * WAITING),
        clock=LoopClock(),
        meter=Meter(clock=LoopClock()),
        tracer=Tracer(clock=LoopClock()),
    )
    async with asyncio.TaskGroup() as callers:
        while asyncio.get_running_loop().time() < seen.end:
            callers.create_task(ask(entrance, request(draw), seen))
            await asyncio.sleep(draw.expovariate(OFFERED * PLACES / usual))
    return seen


@pytest.fixture(scope="module", params=[1, 2, 3], name="seen")
def seen_by_callers(request: pytest.FixtureRequest) -> Seen:
    return virtual_time.run(a_minute(seed=request.param))


def test_nobody_waits_past_the_deadline(seen: Seen) -> None:
    assert seen.waited_past == 0


def test_what_can_be_answered_is(seen: Seen) -> None:
    """Work that is cut by its deadline is lost for everybody."""
    assert seen.busy >= 0.8 * PLACES * SECONDS


def test_those_who_matter_most_are_served(seen: Seen) -> None:
    critical = Criticality.CRITICAL_PLUS
    assert seen.asked[critical] > 30
    assert seen.good[critical] >= 0.95 * seen.asked[critical]


def test_who_asks_for_nine_tenths_gets_no_more_than_a_fair_share(seen: Seen) -> None:
    """Three other tenants ask for a third of what can be answered together; they get most of it."""
    others = sum(seen.good[tenant] for tenant in "abc")
    asked = sum(seen.asked[tenant] for tenant in "abc")
    assert others / asked > 3 * seen.good["hog"] / seen.asked["hog"]


def test_the_queue_is_bounded(seen: Seen) -> None:
    assert seen.longest_queue <= WAITING


def test_few_answers_are_begun_that_come_too_late(seen: Seen) -> None:
    assert seen.cut <= 0.1 * sum(seen.good[each] for each in SHARES)
