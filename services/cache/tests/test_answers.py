"""The cache as a whole, on a shared tier that comes and goes."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from structlog.testing import capture_logs

from failsoft_cache.app.answers import Answers, Found
from failsoft_cache.core.entry import Entry, Windows
from failsoft_cache.core.errors import CacheUnavailable
from failsoft_cache.core.freshness import Accept
from failsoft_cache.core.key import MasterSecret
from failsoft_cache.core.local_tier import LocalTier
from failsoft_cache.core.offer import Offer
from failsoft_cache.ports import TierAway, Write
from failsoft_kit.testing import virtual_time
from failsoft_model.walk import CacheStatus, FinishReason

T = TypeVar("T")

WINDOWS = Windows(fresh_for=60.0, stale_if_error=600.0)


class ScriptedTier:
    """A shared tier that is away when it is told to be."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, bytes], bytes] = {}
        self.trouble: str | None = None

    async def read(self, tenant: str, key: bytes) -> bytes | None:
        await self._answer()
        return self.kept.get((tenant, key))

    async def write(self, tenant: str, writes: Sequence[Write]) -> None:
        await self._answer()
        self.kept |= {(tenant, write.key): write.sealed for write in writes}

    async def remove(self, tenant: str, key: bytes) -> bool:
        await self._answer()
        return self.kept.pop((tenant, key), None) is not None

    async def remove_all(self, tenant: str) -> int:
        await self._answer()
        names = [name for name in self.kept if name[0] == tenant]
        for name in names:
            del self.kept[name]
        return len(names)

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.trouble is not None:
            raise TierAway(self.trouble)


class Date:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.date = 1_800_000_000.0

    def now(self) -> float:
        return self.date

    def unix(self) -> float:
        return self.date


class AnyHistory(RuleBasedStateMachine):
    """Two replicas, two tenants, a shared tier that comes and goes: what is given is right."""

    tenants = st.sampled_from(["acme", "other"])
    questions = st.sampled_from([b"first", b"second"])
    replicas = st.integers(0, 1)

    def __init__(self) -> None:
        super().__init__()
        self.tier, self.clock = ScriptedTier(), Date()
        self.caches = [
            Answers(
                secret=MasterSecret(b"0123456789abcdef0123456789abcdef"),
                local=LocalTier(8192),
                shared=self.tier,
                clock=self.clock,
                max_entry_bytes=4096,
            )
            for _ in range(2)
        ]
        self.told = 0
        self.shared: dict[tuple[str, bytes], tuple[bytes, float]] = {}
        """What the shared tier must have: the answer and its date."""
        self.spare: dict[tuple[str, bytes], tuple[bytes, float]] = {}
        """The same of fallbacks' answers."""

    @rule(seconds=st.floats(0.0, 400.0))
    def wait(self, seconds: float) -> None:
        self.clock.date += seconds

    @rule(away=st.booleans())
    def comes_or_goes(self, *, away: bool) -> None:
        self.tier.trouble = "away" if away else None

    @rule(replica=replicas, tenant=tenants, question=questions, size=st.integers(0, 5000))
    def store(self, replica: int, tenant: str, question: bytes, size: int) -> None:
        self.told += 1
        answer = f"{tenant} {question.decode()} {self.told} ".encode() + b"x" * size
        cache = self.caches[replica]
        offer = Offer(
            key=cache.key_of(tenant, question),
            entry=Entry(answer=answer, created=self.clock.date, windows=WINDOWS),
            finish_reason=FinishReason.STOP,
            served_by="target",
            has_content=True,
        )
        refusals = run(cache.store(tenant, [offer])).refusals
        assert (0 in refusals) is (len(answer) > 4096)
        if not refusals and self.tier.trouble is None:
            self.shared[tenant, question] = answer, self.clock.date

    @rule(replica=replicas, tenant=tenants, question=questions)
    def store_a_fallbacks(self, replica: int, tenant: str, question: bytes) -> None:
        cache = self.caches[replica]
        offer = Offer(
            key=cache.key_of(tenant, question),
            entry=Entry(
                answer=f"{tenant} {question.decode()} fallback".encode(),
                created=self.clock.date,
                windows=Windows(stale_if_error=WINDOWS.lifetime),
            ),
            finish_reason=FinishReason.STOP,
            served_by="target",
            has_content=True,
        )
        assert run(cache.store(tenant, [offer])).refusals == {}
        if self.tier.trouble is None:
            self.spare[tenant, question] = offer.entry.answer, self.clock.date

    @rule(replica=replicas, tenant=tenants, question=questions)
    def damage(self, replica: int, tenant: str, question: bytes) -> None:
        cache = self.caches[replica]
        name = tenant, cache.key_of(tenant, question)
        if name in self.tier.kept and self.tier.trouble is None:
            self.tier.kept[name] = self.tier.kept[name][:-1]
            self.shared.pop((tenant, question), None)
            before = cache.counts.damaged
            found = self._look_up(replica, tenant, question, Accept.STALE)
            assert found.answer == self._expected(tenant, question)
            assert cache.counts.damaged == before + 1

    @rule(replica=replicas, tenant=tenants, question=questions, everything=st.booleans())
    def forget(self, replica: int, tenant: str, question: bytes, *, everything: bool) -> None:
        cache = self.caches[replica]
        key = cache.key_of(tenant, question)
        forgetting = cache.forget_all(tenant) if everything else cache.forget(tenant, key)
        try:
            run(forgetting)
        except CacheUnavailable:
            assert self.tier.trouble is not None
        else:
            for kept in (self.shared, self.spare):
                for name in list(kept):
                    if name == (tenant, question) or (everything and name[0] == tenant):
                        del kept[name]
        if self.tier.trouble is not None:
            assert self._look_up(replica, tenant, question, Accept.STALE).answer is None

    @rule(replica=replicas, tenant=tenants, question=questions, accept=st.sampled_from(Accept))
    def look_up(self, replica: int, tenant: str, question: bytes, accept: Accept) -> None:
        found = self._look_up(replica, tenant, question, accept)
        if found.answer is None:
            assert found.verdict.age is None
        else:
            assert found.answer.startswith(f"{tenant} {question.decode()} ".encode())
            assert found.verdict.status is CacheStatus.HIT_FRESH or accept is Accept.STALE
            assert found.verdict.age is not None
            assert found.verdict.age < WINDOWS.lifetime
        if self.tier.trouble is None and accept is Accept.STALE:
            assert found.answer == self._expected(tenant, question)

    def _expected(self, tenant: str, question: bytes) -> bytes | None:
        """What a stale answer must be: a fallback's only where there is no better one."""
        for kept in (self.shared, self.spare):
            answer, date = kept.get((tenant, question), (None, 0.0))
            if self.clock.date - date < WINDOWS.lifetime:
                return answer
        return None

    def _look_up(self, replica: int, tenant: str, question: bytes, accept: Accept) -> Found:
        cache = self.caches[replica]
        return run(cache.look_up(tenant, cache.key_of(tenant, question), accept=accept))


def run(coroutine: Coroutine[object, None, T]) -> T:
    return virtual_time.run(coroutine)


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyHistory = AnyHistory.TestCase


@virtual_time.test
async def test_damage_is_told_without_a_line_for_each() -> None:
    """Entries of another schema, after an update, are as many as there are."""
    tier = ScriptedTier()
    cache = Answers(
        secret=MasterSecret(b"0123456789abcdef0123456789abcdef"),
        local=LocalTier(8192),
        shared=tier,
        clock=Date(),
        max_entry_bytes=4096,
    )
    key = cache.key_of("acme", b"question")
    tier.kept["acme", key] = b"no entry at all"

    with capture_logs() as lines:
        for _ in range(150):
            await cache.look_up("acme", key, accept=Accept.FRESH)

    assert [(line["event"], line["so_far"]) for line in lines] == [
        ("entry.damaged", 1),
        ("entry.damaged", 10),
        ("entry.damaged", 100),
    ]
