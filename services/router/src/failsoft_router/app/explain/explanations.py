"""Remembers how walks went, and tells it to whoever asks by an id.

This replica's last walks are in its memory. Where there is a store, every walk goes there
too, in the background, so that any replica can tell of it and a restart forgets nothing.

A walk pays some 10 µs for each target that it looks at, and as much at its end; where there is
a store, 40 to 100 µs more are spent beside it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from failsoft_kit.clock import Clock
from failsoft_model.walk import Hop
from failsoft_router.app.explain.notes import WalkNotes
from failsoft_router.app.explain.record import WalkRecord
from failsoft_router.core.errors import WalkNotFound
from failsoft_router.core.walk_key import KeyKind, WalkKey
from failsoft_router.core.walk_ring import WalkRing
from failsoft_router.ports import KeptWalk, StoreAway, WalkStore

MOST_OTHERS = 15
"""Other walks of the same id that are named."""

_NO_WALK = "a request that was refused before it had a route has none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A walk that was asked for.

    Attributes:
        explanation: As `encode` has it.
        others: Walks that the same id leads to, newest first.
        from_store: Any replica may have walked; else it was this one.
    """

    explanation: bytes
    others: Sequence[str]
    from_store: bool


class Explanations:
    """What is remembered of walks."""

    def __init__(
        self,
        ring: WalkRing[WalkRecord],
        *,
        encode: Callable[[WalkRecord], bytes],
        store: WalkStore | None,
        policy: Callable[[], str],
        clock: Clock,
    ) -> None:
        """
        Args:
            encode: Writes a walk down; called when somebody asks, and for the store.
            store: None: this replica's memory is all that there is.
            policy: Digest of the policy in force.
        """
        self._ring = ring
        self._encode = encode
        self._store = store
        self._policy = policy
        self._clock = clock

    @property
    def wanted(self) -> bool:
        """Whether walks are remembered anywhere."""
        return self._store is not None or self._ring.has_room

    def notes(self) -> WalkNotes:
        """For a walk that begins now."""
        return WalkNotes(policy=self._policy())

    def keep(self, walk: WalkRecord, notes: WalkNotes) -> None:
        """A walk has ended; waits for nobody.

        Args:
            notes: The walk's; tell of the calls that it left behind.
        """
        self._ring.add(walk, cost=walk.cost)
        self._offer(walk)
        if walk.running:
            notes.on_late = partial(self._ended_late, walk)

    async def find(self, key: WalkKey) -> Told:
        """The latest walk that an id leads to.

        Raises:
            WalkNotFound: Nobody remembers it.
        """
        remembered = self._remembered(key)
        if remembered:
            latest, *others = remembered
            return Told(
                explanation=self._encode(latest),
                others=[walk.walk_id for walk in others[:MOST_OTHERS]],
                from_store=False,
            )
        if self._store is None:
            elsewhere = (
                "other replicas remember their own walks: ask them, or have all of them keep"
                " walks in one Valkey (router.explain.valkey_url)"
            )
            raise self._not_found(elsewhere)
        try:
            found = await self._store.find(key)
        except StoreAway as away:
            raise self._not_found(
                f"Valkey, where all replicas keep theirs, cannot be asked: {away}"
            ) from away
        if found is None:
            raise self._not_found(f"Valkey has none either, {self._store.reach}")
        return Told(
            explanation=found.explanation, others=found.others[:MOST_OTHERS], from_store=True
        )

    def _remembered(self, key: WalkKey) -> Sequence[WalkRecord]:
        walk = self._ring.by_walk(key.id) if key.may_be(KeyKind.WALK) else None
        if walk is not None:
            return [walk]
        traced = self._ring.by_trace(key.id) if key.may_be(KeyKind.TRACE) else ()
        if traced or not key.may_be(KeyKind.REQUEST):
            return traced
        return self._ring.by_request(key.id, tenant=key.tenant)

    def _not_found(self, elsewhere: str) -> WalkNotFound:
        count, oldest = len(self._ring), self._ring.oldest
        reach = 0.0 if oldest is None else self._clock.now() - oldest.began
        here = f"this replica remembers {count or 'none'}"
        if oldest is not None:
            here += f", the oldest of which began {reach:.0f} s ago"
        return WalkNotFound(
            f"no walk of this id is remembered: {here}; {elsewhere}; {_NO_WALK}",
            metadata={"walks": str(count), "sinceSeconds": f"{reach:.0f}"},
        )

    def _ended_late(self, walk: WalkRecord, late: Iterable[Hop]) -> None:
        """This replica may have forgotten the walk, and the store have it still."""
        told_anew = walk.with_late(late)
        self._ring.replace(told_anew)
        self._offer(told_anew)

    def _offer(self, walk: WalkRecord) -> None:
        if self._store is not None:
            self._store.offer(
                KeptWalk(
                    walk_id=walk.walk_id,
                    trace_id=walk.trace_id,
                    request_id=walk.request_id,
                    tenant=walk.tenant,
                    began=walk.began_unix,
                    explanation=partial(self._encode, walk),
                )
            )
