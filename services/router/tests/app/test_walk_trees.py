"""What each fault looks like in a trace: the whole tree, for unary and streaming callers.

The trees are in `trees/`, one file a fault; `golden_text` says how they are written anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from golden_text import golden

from failsoft_kit.testing import virtual_time
from failsoft_kit.testing.span_tree import TreeText
from failsoft_model.walk import ErrorClass, FinishReason, Usage
from failsoft_router.core.errors import WalkError
from failsoft_router.core.policy import BreakerPolicy, CachePolicy, FreshHits, Limits, Midstream
from failsoft_router.ports import AttemptFailed, Ending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.router.tests.app.conftest import Script, Stage

TREES = Path(__file__).with_name("trees")

TEXT = TreeText(
    hidden={
        "failsoft.walk.id",
        "failsoft.route",
        "failsoft.attempt.id",
        "failsoft.hop.place",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.request.stream",
        "server.address",
        "server.port",
    }
)
"""`test_walk_spans.py` has those that are not told."""

DONE = Ending(
    finish_reason=FinishReason.STOP, model="m-2026", usage=Usage(input_tokens=3, output_tokens=5)
)
WELL: Script = (0.25, "The quick ", 0.25, "brown fox.", DONE)
GOES_ON: Script = (0.25, "brown fox.", DONE)
HOUR = 3600.0
ONE_STRIKE = BreakerPolicy(consecutive_failures=1, good_probes=1)


def refusing(
    error_class: ErrorClass, status: int = 0, *, hint: float | None = None, sent: bool = True
) -> Script:
    """A target that refuses, after a moment."""
    refusal = AttemptFailed(
        error_class, "it refused", http_status=status, retry_after=hint, sent=sent
    )
    return (0.1, refusal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault.

    Attributes:
        scripts: Of each target, one for each call; the last one goes on.
        hops: By default the targets in their order.
        targets: What is special about each.
        route: What is special about the route.
        before: Seconds that pass after each request but the last one, whose tree it is.
        after: Seconds that what runs on is given.
        keeps: The trees of the requests before are told too.
        within: Seconds that the caller waits; None: for ever.
        hangs_up: Seconds after which it goes away; None: it does not.
    """

    scripts: Mapping[str, Script | list[Script]]
    hops: Sequence[str] = ()
    targets: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    route: Mapping[str, object] = field(default_factory=dict)
    before: Sequence[float] = ()
    after: float = 0.0
    keeps: bool = False
    within: float | None = None
    hangs_up: float | None = None


def fallback(a: Script | list[Script], **fields: object) -> Case:
    """A fault of the first target, and a second one that is well."""
    return Case(scripts={"a": a, "b": WELL}, **fields)  # type: ignore[arg-type] # any field


BUSY = refusing(ErrorClass.TRANSIENT, 503)
CASES = {
    "all_well": Case(scripts={"a": WELL}),
    "refused_connection": fallback(refusing(ErrorClass.TRANSIENT, sent=False)),
    "http_500_twice": fallback(refusing(ErrorClass.TRANSIENT, 500), targets={"a": {"attempts": 2}}),
    "http_500_once": fallback(
        [refusing(ErrorClass.TRANSIENT, 500), WELL], targets={"a": {"attempts": 2}}
    ),
    "http_429_with_retry_after": fallback(
        refusing(ErrorClass.RATE_LIMITED, 429, hint=7.0), before=[1.0], keeps=True
    ),
    "http_401": fallback(refusing(ErrorClass.CREDENTIAL, 401), before=[1.0], keeps=True),
    "hang_before_first_content": fallback((math.inf,)),
    "stall_mid_stream": fallback(("The quick ", math.inf)),
    "cut_mid_stream": Case(scripts={"a": (0.25, "The quick "), "b": GOES_ON}),
    "cut_mid_stream_restart": fallback(
        (0.25, "The quick "), route={"midstream": Midstream.RESTART}
    ),
    "cut_mid_stream_fail": fallback((0.25, "The quick "), route={"midstream": Midstream.FAIL}),
    "empty_answer": fallback((0.25,)),
    "malformed": fallback(refusing(ErrorClass.MALFORMED, 200)),
    "crash_of_ours": fallback((0.25, math.nan)),
    "content_filter": fallback(refusing(ErrorClass.CONTENT_FILTER, 400)),
    "caller_fault": fallback(refusing(ErrorClass.CALLER_FAULT, 400)),
    "context_length": fallback(refusing(ErrorClass.CONTEXT_LENGTH, 400)),
    "breaker_opens_and_skips": fallback(
        BUSY, targets={"a": {"breaker": ONE_STRIKE}}, before=[2.0], keeps=True
    ),
    "probe_closes_breaker": fallback(
        [BUSY, WELL], targets={"a": {"breaker": ONE_STRIKE}}, before=[6.0]
    ),
    "probe_is_left_behind": fallback(
        [BUSY, (math.inf,)], targets={"a": {"breaker": ONE_STRIKE}}, before=[6.0], after=30.0
    ),
    "probe_speaks_before_the_next_target": Case(
        scripts={"a": [BUSY, (3.0, "late", DONE)], "b": [WELL, (math.inf,)]},
        targets={"a": {"breaker": ONE_STRIKE}},
        before=[6.0],
    ),
    "breaker_opens_after_its_hop": fallback(
        refusing(ErrorClass.TRANSIENT, sent=False), targets={"a": {"breaker": ONE_STRIKE}}
    ),
    "stale_cache": Case(scripts={"a": [WELL, BUSY]}, hops=["a", "cache"], before=[HOUR]),
    "no_stored_answer": Case(scripts={"a": BUSY}, hops=["a", "cache", "mock"]),
    "fresh_hit": Case(
        scripts={"a": WELL},
        route={"cache": CachePolicy(fresh_hits=FreshHits.ALWAYS)},
        before=[1.0],
    ),
    "mock": Case(scripts={"a": BUSY}, hops=["a", "mock"]),
    "everything_fails": Case(scripts={"a": BUSY, "b": refusing(ErrorClass.TRANSIENT, 500)}),
    "deadline_passes": fallback((math.inf,), within=1.0, after=30.0),
    "caller_cancels_before_content": fallback((math.inf,), hangs_up=0.5),
    "caller_cancels_mid_stream": fallback(("The quick ", math.inf), hangs_up=0.5),
}


async def ask(router: Stage, case: Case, *, streams: bool) -> None:
    """One request, however it ends."""
    with contextlib.suppress(WalkError, TimeoutError):
        async with asyncio.timeout(case.hangs_up):
            await (router.stream if streams else router.ask)(within=case.within)


async def tree(stage: type[Stage], case: Case, *, streams: bool) -> str:
    """The tree of the case's last request."""
    router = stage(
        hops=case.hops,
        route=case.route,
        targets=case.targets,
        limits=Limits(connect=1.0, first_content=4.0, stall=2.0, total=60.0),
        **case.scripts,  # type: ignore[arg-type] # the targets' names are not the other words
    )
    async with router.supervised():
        for pause in case.before:
            await ask(router, case, streams=streams)
            await asyncio.sleep(pause)
            if not case.keeps:
                router.spans.clear()
        await ask(router, case, streams=streams)
        await asyncio.sleep(case.after)
    return TEXT.write(router.spans.tree())


@pytest.mark.parametrize("name", CASES)
@virtual_time.test
async def test_a_fault_leaves_this_tree(stage: type[Stage], name: str) -> None:
    unary = await tree(stage, CASES[name], streams=False)
    stream = await tree(stage, CASES[name], streams=True)

    text = f"unary\n\n{unary}\nstream\n\n{stream}"
    assert text == golden(TREES / f"{name}.txt", text)


def test_each_tree_belongs_to_a_fault() -> None:
    assert {file.stem for file in TREES.iterdir()} == set(CASES)
