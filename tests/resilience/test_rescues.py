"""Answers that break off anywhere read as one; `make rescue` tries ten thousand of them."""

import pytest
from rescues.cases import Behaviour, Speech, draw_case
from rescues.world import broken

CHUNK = 100


@pytest.mark.parametrize("first", range(0, 1000, CHUNK))
def test_nothing_is_missing_and_nothing_is_said_twice(first: int) -> None:
    """Whatever died where, in whichever dialect, and however the next target took it."""
    assert list(broken(range(first, first + CHUNK))) == []


def test_every_dialect_and_every_behaviour_is_met_by_every_kind_of_answer() -> None:
    cases = [draw_case(seed) for seed in range(1000)]
    met = {
        (part.speech, part.behaviour, bool(case.told.calls), case.told.is_json)
        for case in cases
        for part in case.parts[1:]
    }

    kinds = ((False, False), (True, False), (False, True))
    assert met == {(s, b, *kind) for s in Speech for b in Behaviour for kind in kinds}
