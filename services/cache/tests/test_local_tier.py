from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from failsoft_cache.core.entry import Entry, Windows
from failsoft_cache.core.local_tier import LocalTier

NOW = 1_800_000_000.0
CAPACITY = 4096


def entry(answer: bytes = b"answer", *, created: float = NOW) -> Entry:
    return Entry(answer=answer, created=created, windows=Windows(fresh_for=60.0))


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_the_least_recently_used_entry_leaves_first() -> None:
    tier = LocalTier(CAPACITY)
    kept = 0
    while tier.bytes_used + len(entry().answer) + 512 <= CAPACITY:
        tier.put("acme", key(kept), entry())
        kept += 1
    tier.get("acme", key(0), now=NOW)

    tier.put("acme", key(kept), entry())

    assert tier.get("acme", key(0), now=NOW) is not None
    assert tier.get("acme", key(1), now=NOW) is None
    assert tier.get("acme", key(kept), now=NOW) is not None


def test_an_entry_larger_than_the_tier_is_not_kept_and_drives_nobody_out() -> None:
    tier = LocalTier(CAPACITY)
    tier.put("acme", key(0), entry())

    tier.put("acme", key(1), entry(b"x" * CAPACITY))

    assert tier.get("acme", key(1), now=NOW) is None
    assert tier.get("acme", key(0), now=NOW) is not None


def test_an_older_entry_does_not_survive_a_newer_one_that_is_too_big() -> None:
    tier = LocalTier(CAPACITY)
    tier.put("acme", key(0), entry(b"old"))

    tier.put("acme", key(0), entry(b"x" * CAPACITY))

    assert tier.get("acme", key(0), now=NOW) is None


def test_an_entry_goes_when_its_time_is_over() -> None:
    tier = LocalTier(CAPACITY)
    tier.put("acme", key(0), entry())

    assert tier.get("acme", key(0), now=NOW + 59.9) is not None
    assert tier.get("acme", key(0), now=NOW + 60.0) is None
    assert (len(tier), tier.bytes_used) == (0, 0)


def test_a_tier_without_room_keeps_nothing() -> None:
    tier = LocalTier(0)

    tier.put("acme", key(0), entry())

    assert len(tier) == 0


class AnyHistory(RuleBasedStateMachine):
    """Whatever is put and forgotten: no tenant sees another's entry, and the bytes are right."""

    tenants = st.sampled_from(["acme", "other"])
    keys = st.integers(0, 5).map(key)

    def __init__(self) -> None:
        super().__init__()
        self.tier = LocalTier(CAPACITY)
        self.last: dict[tuple[str, bytes], bytes] = {}

    @rule(tenant=tenants, where=keys, answer=st.binary(max_size=2000))
    def put(self, tenant: str, where: bytes, answer: bytes) -> None:
        self.tier.put(tenant, where, entry(answer))
        self.last[tenant, where] = answer

    @rule(tenant=tenants, where=keys)
    def get(self, tenant: str, where: bytes) -> None:
        found = self.tier.get(tenant, where, now=NOW)
        assert found is None or found.answer == self.last[tenant, where]

    @rule(tenant=tenants, where=keys)
    def remove(self, tenant: str, where: bytes) -> None:
        had = self.tier.get(tenant, where, now=NOW) is not None
        assert self.tier.remove(tenant, where) is had
        self.last.pop((tenant, where), None)

    @rule(tenant=tenants)
    def remove_all(self, tenant: str) -> None:
        before = len(self.tier)
        removed = self.tier.remove_all(tenant)
        assert len(self.tier) == before - removed
        assert all(self.tier.get(tenant, key(n), now=NOW) is None for n in range(6))
        self.last = {name: answer for name, answer in self.last.items() if name[0] != tenant}

    @invariant()
    def the_bytes_are_those_of_the_entries_and_within_the_capacity(self) -> None:
        found = [self.tier.get(*name, now=NOW) for name in self.last]
        answers = [each.answer for each in found if each is not None]
        assert len(answers) == len(self.tier)
        assert self.tier.bytes_used == sum(len(answer) + 512 for answer in answers)
        assert self.tier.bytes_used <= CAPACITY


AnyHistory.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestAnyHistory = AnyHistory.TestCase
