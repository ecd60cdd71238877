"""What a router under test remembers of its walks, written down as it is for operators."""

from functools import partial

from failsoft_kit.clock import Clock
from failsoft_router.api.rpc.admin.explanation import encode_walk
from failsoft_router.app.explain.explanations import Explanations
from failsoft_router.core.walk_ring import WalkRing
from failsoft_router.ports import WalkStore


def remembering(clock: Clock, *, most: int = 100, store: WalkStore | None = None) -> Explanations:
    """Remembers that many walks, and keeps them in a store where there is one."""
    return Explanations(
        WalkRing(most=most, most_bytes=16 * 1024 * 1024),
        encode=partial(encode_walk, replica="replica-1"),
        store=store,
        policy=lambda: "d1ge57",
        clock=clock,
    )
