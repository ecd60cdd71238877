"""How many routers a request may go through.

A router may be another one's target, so their policies can lead in a circle. One that
leads straight back to itself is refused at start; a longer one, or one through a name that
only the network knows, is noticed by its length: each router tells the next how many the
request has gone through, and the one that is one too many refuses it.
"""

from failsoft_router.core.errors import RouterLoop

MAX_ROUTERS = 4
"""The one that answers the caller, one of the region, one of the site, and one to spare."""


def check_depth(depth: int) -> None:
    """Refuse a request that goes in a circle.

    Args:
        depth: Routers that it has gone through before this one.

    Raises:
        RouterLoop: This one is one too many.
    """
    if depth >= MAX_ROUTERS:
        raise RouterLoop(
            f"the request has gone through {depth} routers, and {MAX_ROUTERS} is the most:"
            " do the targets of their policies lead in a circle?"
        )
