"""What a caller of OpenAI's API sees of every fault in every dialect, with nobody to fall back on.

What is seen is a table in docs/errors.md; FAILSOFT_WRITE_TABLES=1 writes it anew.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import pytest
from fault_table import TABLE, Row
from router_under_test import QUICK_TO_NOTICE, StartRouter

from failsoft_router.wire.sse import SseParser
from failsoft_upstream import Options, Style, Upstream, faults
from failsoft_upstream import running as upstream_running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
BEGIN, END = "<!-- seen: faults over HTTP -->\n", "<!-- end -->\n"
DIALECTS = ("openai", "anthropic", "gemini")
GENEROUS = {"first_content": "20s", "stall": "20s"}
AT_ONCE = 16
"""Cases that run side by side: each of some faults keeps a processor busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault, told to one caller. Its target and its key are its own, with all their gates."""

    fault: str
    dialect: str
    stream: bool

    @property
    def row(self) -> Row:
        return TABLE[self.fault]

    @property
    def name(self) -> str:
        """Of its route, its target and its model."""
        return f"{self.dialect}-{self.fault}-{'stream' if self.stream else 'whole'}"

    @property
    def secret(self) -> str:
        """The variable with its key."""
        return "KEY_" + self.name.replace("-", "_")

    @property
    def refuses(self) -> bool:
        """It is asked of a target that takes no connection."""
        return isinstance(self.row.fault, faults.Refuse)


CASES = [
    Case(fault=fault, dialect=dialect, stream=stream)
    for fault, dialect, stream in itertools.product(TABLE, DIALECTS, (False, True))
]


def policy(first: Upstream, refusing: Upstream) -> Mapping[str, object]:
    """A route of its own for each case, with one target."""
    targets = {}
    for case in CASES:
        place = refusing if case.refuses else first
        targets[case.name] = {
            "provider": case.dialect,
            "model": case.name,
            "endpoint": place.gemini_url if case.dialect == "gemini" else place.base_url,
            "allow_private": True,
            "attempts": 1,
            "credential": {"env": case.secret},
            "limits": {**GENEROUS, **QUICK_TO_NOTICE.get(case.row.error, {})},
        }
    return {"targets": targets, "routes": {case.name: {"hops": [case.name]} for case in CASES}}


class Caller:
    """Asks over HTTP, and says in a few words what it saw."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._places = asyncio.Semaphore(AT_ONCE)

    async def ask(self, case: Case) -> str:
        message = {"role": "user", "content": "What is soft?"}
        asked = {"model": case.name, "messages": [message], "stream": case.stream}
        async with self._places, self._session.post("chat/completions", json=asked) as reply:
            body = await reply.read()
            if reply.status != 200:
                again = ", tried again" if reply.headers["x-should-retry"] == "true" else ""
                return f"{reply.status} {_error(orjson.loads(body))}{again}"
        if not case.stream:
            return "200"
        *_, last = SseParser().feed(body)
        return "200" if last == b"[DONE]" else f"200, then {_error(orjson.loads(last))}"


def _error(told: Mapping[str, Mapping[str, str]]) -> str:
    cause = told["failsoft"].get("cause")
    return f"`{told['error']['code']}`" + (f" ({cause})" if cause else "")


def rows(seen: Mapping[Case, str]) -> Iterable[str]:
    """The table's lines: a cell says what all dialects have in common, else each for itself."""
    yield "| the target's fault | a whole answer | a stream |"
    yield "|---|---|---|"
    for fault in TABLE:
        cells = [
            _cell([(each.dialect, seen[each]) for each in CASES if (each.fault, each.stream) == at])
            for at in ((fault, False), (fault, True))
        ]
        yield f"| `{fault}` | {cells[0]} | {cells[1]} |"


def _cell(told: Sequence[tuple[str, str]]) -> str:
    by_words: dict[str, list[str]] = {}
    for dialect, words in told:
        by_words.setdefault(words, []).append(dialect)
    if len(by_words) == 1:
        return next(iter(by_words))
    return "; ".join(f"{', '.join(who)}: {words}" for words, who in by_words.items())


def written() -> str:
    """The table as the page has it."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def write(table: str) -> None:
    page = PAGE.read_text()
    before, begin, rest = page.partition(BEGIN)
    PAGE.write_text(before + begin + table + rest[len(rest.partition(END)[0]) :])


@pytest.fixture
async def first() -> AsyncIterator[Upstream]:
    """Its pieces come one by one, so that what was said before a fault is no matter of chance."""
    style = Style(chunks=4, tokens_per_chunk=5, chunk_delay=0.1)
    async with upstream_running(Options(style=style)) as upstream:
        yield upstream


async def test_every_fault_is_told_as_the_page_says(
    start_router: StartRouter, first: Upstream, second: Upstream
) -> None:
    await second.set_fault(faults.Refuse())
    for case in CASES:
        if not case.refuses:
            await first.set_fault(case.row.fault, model=case.name)
    keys = {case.secret: "a-key" for case in CASES}
    router = await start_router(policy(first, second), environ=keys)

    async with aiohttp.ClientSession(base_url=f"{router.base_url}/") as session:
        told = await asyncio.gather(*map(Caller(session).ask, CASES))

    seen = dict(zip(CASES, told, strict=True))
    table = "".join(f"{line}\n" for line in rows(seen))
    if os.environ.get("FAILSOFT_WRITE_TABLES"):
        write(table)
    assert table == written()
