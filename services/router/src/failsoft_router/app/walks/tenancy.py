"""Lets a tenant's requests in as far as the policy lets it ask."""

from collections.abc import Iterator
from contextlib import contextmanager

from failsoft_router.app.targets.board import Board
from failsoft_router.core.errors import TenantLimited
from failsoft_router.core.tenant_limits import Limit, Refusal

_WORDS = {
    Limit.RATE: "the tenant has asked as often as it may",
    Limit.CONCURRENT: "as many requests of the tenant are running as may",
}


@contextmanager
def admitted(board: Board, tenant: str, *, now: float) -> Iterator[None]:
    """Answer a request of the tenant inside the block.

    Raises:
        TenantLimited: It has reached one of its limits.
    """
    limiter = board.limiter(tenant)
    if limiter is None:
        yield
        return
    refusal = limiter.enter(now)
    if refusal is not None:
        raise _limited(refusal)
    try:
        yield
    finally:
        limiter.leave()


def _limited(refusal: Refusal) -> TenantLimited:
    return TenantLimited(
        _WORDS[refusal.limit],
        retry_after=refusal.retry_after,
        metadata={"limit": refusal.limit.value},
    )
