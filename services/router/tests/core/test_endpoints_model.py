"""Whatever happens, in whatever order: while an endpoint is ready there is one to call, unless
those who are in are full."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from failsoft_model.walk import Load
from failsoft_router.core.breaker import Result
from failsoft_router.core.endpoints import Endpoint, Endpoints, Sighting, Turn
from failsoft_router.core.member import LONGEST_FULL_SECONDS, Standing

NAMES = ("a", "b", "c", "d", "e")
SETS = st.dictionaries(st.sampled_from(NAMES), st.booleans())
LOADS = st.builds(
    Load,
    running=st.integers(0, 20),
    waiting=st.integers(0, 20),
    capacity=st.integers(0, 20),
    running_tokens=st.integers(0, 100),
    capacity_tokens=st.integers(0, 100),
)


class AnyHistory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.known = Endpoints()
        self.ready: set[str] = set()
        self.listed: set[str] = set()
        self.out: list[Turn] = []

    @rule(seconds=st.floats(0, 200))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(seen=SETS)
    def adopt(self, seen: dict[str, bool]) -> None:
        endpoints = (Endpoint(address=name, ready=ready) for name, ready in seen.items())
        self.known.adopt(Sighting(endpoints=tuple(endpoints)), now=self.now)
        self.listed = set(seen)
        self.ready = {name for name, ready in seen.items() if ready}

    @rule(draw=st.floats(0, 1, exclude_max=True), but=st.sets(st.sampled_from(NAMES)))
    def call(self, draw: float, but: set[str]) -> None:
        before = self.standings()
        turn = self.known.choose(now=self.now, draw=draw, but=but)
        if turn is None:
            assert not self.ready - but or Standing.FULL in before.values()
            assert not self.known.takes_calls(self.now, but=but)
        else:
            assert turn.address in self.ready - but
            assert before[turn.address] is not Standing.FULL
            self.out.append(turn)

    def standings(self) -> dict[str, Standing]:
        return {each.address: each.standing for each in self.known.states(self.now)}

    @precondition(lambda self: self.out)
    @rule(data=st.data(), retry_after=st.none() | st.floats(0, 3600))
    def turn_away(self, data: st.DataObject, retry_after: float | None) -> None:
        turn = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.known.has_no_room(turn, retry_after, now=self.now)
        self.known.ended(turn, Result.NO_EVIDENCE, now=self.now, draw=0.5)

    @invariant()
    def nobody_is_full_for_long(self) -> None:
        wait = self.known.full_for(self.now)
        assert 0.0 <= wait <= LONGEST_FULL_SECONDS + 0.001
        assert not wait or not self.known.takes_calls(self.now)

    @precondition(lambda self: self.out)
    @rule(
        data=st.data(),
        result=st.sampled_from(Result),
        draw=st.floats(0, 1, exclude_max=True),
        unreachable=st.booleans(),
    )
    def end(self, data: st.DataObject, result: Result, draw: float, *, unreachable: bool) -> None:
        turn = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.known.ended(turn, result, now=self.now, draw=draw, unreachable=unreachable)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), load=LOADS)
    def report(self, data: st.DataObject, load: Load) -> None:
        self.known.told(data.draw(st.sampled_from(self.out)), load, now=self.now)

    @invariant()
    def not_all_that_are_ready_are_ejected(self) -> None:
        standings = self.standings()
        assert set(standings) == self.listed == self.known.addresses
        assert {each for each, at in standings.items() if at is not Standing.NOT_READY} == (
            self.ready
        )
        assert self.known.any_ready is bool(self.ready)
        ready = {standings[each] for each in self.ready}
        assert not ready or ready != {Standing.EJECTED}

    @invariant()
    def every_call_that_is_out_is_counted_once(self) -> None:
        counted = sum(each.calls_in_flight for each in self.known.states(self.now))
        assert counted == sum(turn.address in self.listed for turn in self.out)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@settings(deadline=None)
@given(draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40))
def test_calls_that_are_out_are_shared_evenly(draws: list[float]) -> None:
    known = Endpoints()
    endpoints = tuple(Endpoint(address=name, ready=True) for name in NAMES)
    known.adopt(Sighting(endpoints=endpoints), now=0.0)
    for draw in draws:
        known.choose(now=0.0, draw=draw)

    shares = [each.calls_in_flight for each in known.states(0.0)]
    assert max(shares) - min(shares) <= 1
    assert sum(shares) == len(draws)
