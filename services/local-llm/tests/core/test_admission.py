"""Who is let in."""

import pytest

from failsoft_local_llm.core.admission import Admission
from failsoft_model.errors import Overloaded
from failsoft_model.walk import Load

IDLE = Load(capacity=1)


def test_as_many_as_there_are_places_are_inside_at_once() -> None:
    admission = Admission(places=2)
    with admission.place(IDLE), admission.place(IDLE):
        with pytest.raises(Overloaded) as refused, admission.place(IDLE):
            pass
        assert refused.value.retry_after is not None


def test_a_place_is_free_again_however_its_request_ended() -> None:
    admission = Admission(places=1)
    with pytest.raises(LookupError), admission.place(IDLE):
        raise LookupError
    with admission.place(IDLE):
        pass


def test_requests_that_only_the_engine_still_holds_take_places_too() -> None:
    """Otherwise callers who ask and hang up at once could fill the engine without end."""
    admission = Admission(places=2)
    with pytest.raises(Overloaded), admission.place(Load(running=1, waiting=1, capacity=1)):
        pass
