"""Whoever looks after the router sees that a policy was refused, or has come into force."""

import pytest

from failsoft_model.errors import FieldViolation
from failsoft_router.app.targets.policy_notices import PolicyNotices
from failsoft_router.app.targets.reload import Standing
from failsoft_router.core.errors import PolicyRefused
from failsoft_router.ports import Notice


class Wall:
    """Where notices hang."""

    def __init__(self) -> None:
        self.hanging: list[Notice] = []

    def post(self, notice: Notice) -> None:
        self.hanging.append(notice)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def notices(wall: Wall) -> PolicyNotices:
    """Of a router that began with the policy `old`."""
    notices = PolicyNotices(wall)
    notices.hear(Standing(in_force="old"))
    return notices


def refusing(digest: str) -> Standing:
    mistakes = [
        FieldViolation(field="routes.chat.hops[0]", description="names nobody"),
        FieldViolation(field="", description="is too long"),
    ]
    return Standing(in_force="old", refused=PolicyRefused(digest=digest, violations=mistakes))


def test_a_start_is_no_news(notices: PolicyNotices, wall: Wall) -> None:
    """A rollout of many routers would hide what is."""
    assert wall.hanging == []


def test_a_refused_policy_is_trouble_with_every_mistake(notices: PolicyNotices, wall: Wall) -> None:
    notices.hear(refusing("new"))

    assert wall.hanging == [
        Notice(
            reason="PolicyRefused",
            message="policy old is in force; a newer one is refused: policy new has 2 mistakes:"
            " routes.chat.hops[0] names nobody; is too long",
            is_trouble=True,
        )
    ]


def test_another_policy_in_force_is_told(notices: PolicyNotices, wall: Wall) -> None:
    notices.hear(Standing(in_force="new"))

    assert wall.hanging == [
        Notice(reason="PolicyLoaded", message="policy new is in force", is_trouble=False)
    ]


def test_a_refused_edit_that_is_taken_back_is_told(notices: PolicyNotices, wall: Wall) -> None:
    notices.hear(refusing("new"))
    notices.hear(Standing(in_force="old"))

    assert [each.reason for each in wall.hanging] == ["PolicyRefused", "PolicyLoaded"]


def test_the_same_again_is_told_once(notices: PolicyNotices, wall: Wall) -> None:
    """An operator who asks for a reload every second fills no list of events."""
    refused = refusing("new")
    for standing in (refused, refused, Standing(in_force="b"), Standing(in_force="b")):
        notices.hear(standing)

    assert len(wall.hanging) == 2
