"""A request goes through so many routers and no more."""

import pytest

from failsoft_router.core.depth import MAX_ROUTERS, check_depth
from failsoft_router.core.errors import RouterLoop


def test_the_last_router_that_is_allowed_answers() -> None:
    check_depth(0)
    check_depth(MAX_ROUTERS - 1)


@pytest.mark.parametrize("depth", [MAX_ROUTERS, MAX_ROUTERS + 1, 9999])
def test_one_too_many_refuses_and_says_where_to_look(depth: int) -> None:
    with pytest.raises(RouterLoop) as refusal:
        check_depth(depth)

    assert refusal.value.message == (
        f"the request has gone through {depth} routers, and {MAX_ROUTERS} is the most:"
        " do the targets of their policies lead in a circle?"
    )
