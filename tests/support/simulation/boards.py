"""Boards of real gates over simulated targets, one for each policy that comes into force."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import cast

from failsoft_kit.clock import Clock
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.connections import Connections
from failsoft_router.app.targets.ledger import Ledger
from failsoft_router.core.breaker import Breaker, Result, State
from failsoft_router.core.egress import Addresses
from failsoft_router.core.gate import IsolationOrder
from failsoft_router.core.policy import Policy, TargetPolicy
from failsoft_router.ports import TargetCall
from simulation.schedule import Isolated, Keys
from simulation.story import Asked, Call, Story
from simulation.targets import SimulatedTarget
from simulation.watched import WatchedBreaker


class Key:
    """A credential that changes when the schedule says so; see `ports.Credential`."""

    def __init__(self, keys: Keys, *, clock: Clock, start: float) -> None:
        self._keys = keys
        self._clock = clock
        self._start = start

    def value(self) -> str | None:
        """The key as it is now, or None where there is none."""
        return self._keys.at(self._clock.now() - self._start)


class Boarder:
    """Makes boards; what is known of a target outlives its board, as in the router."""

    def __init__(self, story: Story, *, clock: Clock, who: Callable[[str], Asked]) -> None:
        """
        Args:
            who: Whose walk this is, by its id.
        """
        self._story = story
        self._schedule = story.schedule
        self._clock = clock
        self._who = who
        self.connections = Connections(self._open)
        self._ledger = Ledger()
        self._watched: dict[int, WatchedBreaker] = {}

    def board(self, policy: Policy, addresses: Addresses) -> Board:
        """A board for this policy."""
        board = Board(
            policy,
            addresses,
            connections=self.connections,
            ledger=self._ledger,
            clock=self._clock,
        )
        for place in board.places():
            breaker = self._watch(place.gates.health, place.policy.name)
            place.gates = replace(place.gates, health=cast("Breaker", breaker))
            cast("SimulatedTarget", place.target).place = place
        return board

    def isolate(self, board: Board, order: Isolated) -> None:
        """Take a target out, as an operator does; one that the policy lost stays as it is."""
        for place in board.places():
            if place.policy.name == order.target:
                since, until = self._clock.now(), self._schedule.start + order.until
                place.gates.isolation.isolate(
                    IsolationOrder(
                        since=since, until=until, actor="operator", reason="a simulation"
                    )
                )
                self._story.isolated.append(order)
                self._story.note(self._clock.now(), order.target, "is isolated until {}", until)

    def look_at_what_is_left(self, board: Board) -> None:
        """Once every gate's time is over, all have to be tried again, and no place is taken."""
        now = self._clock.now()
        for place in board.places():
            name, health = place.policy.name, place.gates.health
            if place.due_in(now) > 0:
                self._story.lost.append(f"{name} is not tried any more")
            for _ in range(place.policy.breaker.good_probes):
                permit = health.ask(now)
                if permit is not None:
                    health.record(permit, Result.OK, now=now, draw=0.5)
            if health.state is not State.CLOSED:
                self._story.lost.append(f"{name} is well and not let back in")
            if place.bulkhead.in_flight:
                self._story.lost.append(f"{name} has {place.bulkhead.in_flight} calls for ever")
        left = sorted(line.policy.name for line in self._story.opened if line.closed > now)
        if left != sorted(board.policy.targets):
            self._story.lost.append(f"of the connections those to {', '.join(left)} are open")

    def _watch(self, breaker: Breaker, name: str) -> WatchedBreaker:
        watched = self._watched.get(id(breaker))
        if watched is None:
            watched = self._watched[id(breaker)] = WatchedBreaker(breaker, name, story=self._story)
        self._story.breaker_of[name] = watched.name
        return watched

    def _open(self, policy: TargetPolicy) -> tuple[SimulatedTarget, Key | None]:
        keys, start = self._schedule.keys, self._schedule.start
        key = None
        if policy.credential is not None:
            key = Key(keys[policy.name], clock=self._clock, start=start)
        return self._target(policy), key

    def _target(self, policy: TargetPolicy) -> SimulatedTarget:
        target = SimulatedTarget(
            policy,
            seed=self._schedule.seed,
            belt=self._schedule.weather[policy.name].belt,
            clock=self._clock,
            called=lambda call: self._called(call, target),
            note=self._note,
        )
        self._story.opened.append(target.line)
        return target

    def _called(self, call: TargetCall, target: SimulatedTarget) -> Call:
        asked, now = self._who(call.attempt_id.partition("/")[0]), self._clock.now()
        policy, since = target.policy, now - self._schedule.start
        draw = Random(f"{self._schedule.seed}?{call.attempt_id}")
        keys = self._schedule.keys.get(policy.name)
        written = Call(
            target=policy.name,
            attempt_id=call.attempt_id,
            line=target.line,
            asked=asked,
            act=draw.choice(self._schedule.weather[policy.name].at(since)),
            leave=asked.leave_of(self._story.breaker_of[policy.name]),
            policy=policy,
            key=None if keys is None else keys.at(since),
            patience=target.patience,
            began=now,
            connect=call.connect,
            total=call.total,
        )
        asked.calls.append(written)
        self._story.calls.append(written)
        self._note(written, "is called, and {}", written.act)
        return written

    def _note(self, call: Call, what: str, *values: object) -> None:
        who = f"  {call.asked.planned.name}"
        self._story.note(
            self._clock.now(), who, f"{{}} ({{}}) {what}", call.target, call.attempt_id, *values
        )
