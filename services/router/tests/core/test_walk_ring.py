"""The last walks are found by every id, and the oldest make room."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from failsoft_router.core.walk_ring import WalkRing


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    walk_id: str
    trace_id: str = "t"
    request_id: str = "r"
    tenant: str = "acme"
    note: str = ""


def ring(*walks: Walk, most: int = 100, most_bytes: int = 10_000) -> WalkRing[Walk]:
    kept: WalkRing[Walk] = WalkRing(most=most, most_bytes=most_bytes)
    for walk in walks:
        kept.add(walk, cost=10)
    return kept


def test_a_walk_is_found_by_each_of_its_ids() -> None:
    walk = Walk(walk_id="w", trace_id="t", request_id="r")
    kept = ring(Walk(walk_id="x", trace_id="other", request_id="other"), walk)

    assert kept.by_walk("w") == walk
    assert kept.by_trace("t") == [walk]
    assert kept.by_request("r", tenant="acme") == [walk]


def test_what_shares_an_id_is_told_newest_first() -> None:
    kept = ring(Walk(walk_id="1"), Walk(walk_id="2"), Walk(walk_id="3"))

    assert [walk.walk_id for walk in kept.by_trace("t")] == ["3", "2", "1"]
    assert [walk.walk_id for walk in kept.by_request("r", tenant="")] == ["3", "2", "1"]


def test_a_request_id_of_one_tenant_leads_to_no_other_tenants_walk() -> None:
    kept = ring(Walk(walk_id="1", tenant="acme"), Walk(walk_id="2", tenant="rival"))

    assert [walk.walk_id for walk in kept.by_request("r", tenant="acme")] == ["1"]
    assert kept.by_request("r", tenant="nobody") == []


def test_an_untraced_walk_belongs_to_no_trace() -> None:
    assert ring(Walk(walk_id="1", trace_id="")).by_trace("") == []


@pytest.mark.parametrize(
    ("most", "most_bytes", "has_room"), [(1, 1, True), (0, 1000, False), (1000, 0, False)]
)
def test_without_room_no_walk_is_kept(most: int, most_bytes: int, *, has_room: bool) -> None:
    kept: WalkRing[Walk] = WalkRing(most=most, most_bytes=most_bytes)
    kept.add(Walk(walk_id="1"), cost=1)

    assert (kept.has_room, len(kept)) == (has_room, int(has_room))


def test_the_oldest_makes_room() -> None:
    kept = ring(*(Walk(walk_id=str(n)) for n in range(5)), most=3)

    assert len(kept) == 3
    assert kept.oldest == Walk(walk_id="2")
    assert kept.by_walk("1") is None
    assert [walk.walk_id for walk in kept.by_trace("t")] == ["4", "3", "2"]


@pytest.mark.parametrize(("most", "most_bytes"), [(0, 100), (10, 9)])
def test_what_there_is_no_room_for_is_not_kept_and_takes_no_others_place(
    most: int, most_bytes: int
) -> None:
    kept = ring(Walk(walk_id="1"), most=most, most_bytes=most_bytes)

    assert (len(kept), kept.cost, kept.oldest) == (0, 0, None)


def test_a_replaced_walk_keeps_its_place() -> None:
    kept = ring(Walk(walk_id="1"), Walk(walk_id="2"))
    kept.replace(Walk(walk_id="1", note="new"))
    kept.replace(Walk(walk_id="gone"))

    assert kept.oldest == Walk(walk_id="1", note="new")
    assert [walk.note for walk in kept.by_trace("t")] == ["", "new"]
    assert len(kept) == 2


class AnyHistory(RuleBasedStateMachine):
    """Whatever is added, the bounds hold and every id leads to what is kept, and to no more."""

    MOST, MOST_BYTES = 4, 100

    def __init__(self) -> None:
        super().__init__()
        self.ring: WalkRing[Walk] = WalkRing(most=self.MOST, most_bytes=self.MOST_BYTES)
        self.added: list[Walk] = []

    @rule(
        walk_id=st.integers(0, 8).map(str),
        trace_id=st.sampled_from(("", "a", "b")),
        request_id=st.sampled_from(("", "r", "s")),
        tenant=st.sampled_from(("acme", "rival")),
        cost=st.integers(0, 120),
    )
    def add(self, *, cost: int, **ids: str) -> None:
        walk = Walk(**ids)
        self.added = [each for each in self.added if each.walk_id != walk.walk_id]
        self.added.append(walk)
        self.ring.add(walk, cost=cost)

    @invariant()
    def the_bounds_hold(self) -> None:
        assert len(self.ring) <= self.MOST
        assert 0 <= self.ring.cost <= self.MOST_BYTES

    @invariant()
    def every_id_leads_to_what_is_kept(self) -> None:
        kept = [walk for walk in self.added if self.ring.by_walk(walk.walk_id) is not None]
        assert len(kept) == len(self.ring)
        for trace_id in ("a", "b"):
            expected = [walk for walk in reversed(kept) if walk.trace_id == trace_id]
            assert self.ring.by_trace(trace_id) == expected
        for request_id in ("", "r", "s"):
            expected = [walk for walk in reversed(kept) if walk.request_id == request_id]
            assert self.ring.by_request(request_id, tenant="") == expected


TestAnyHistory = AnyHistory.TestCase
