"""What a request has taken of the engine, and what of it was its caller's own time."""

from failsoft_local_llm.core.admission.pace import Used
from failsoft_local_llm.core.admission.watch import Watch

NOW = 1000.0


def watch(*, compiles: bool = False) -> Watch:
    """Its first token has come after two seconds."""
    begun = Watch(compiles=compiles, now=NOW)
    begun.heard(0, last=False, now=NOW + 1.0)
    begun.wanted(now=NOW + 1.0)
    begun.heard(1, last=False, now=NOW + 2.0)
    return begun


def test_nothing_was_taken_before_the_first_token() -> None:
    begun = Watch(compiles=False, now=NOW)
    begun.heard(0, last=False, now=NOW + 1.0)
    assert begun.used is None


def test_reading_lasts_until_the_first_token_and_writing_from_then_to_the_last() -> None:
    running = watch()
    for second in (3.0, 4.0):
        running.wanted(now=NOW + second - 1.0)
        running.heard(5, last=second == 4.0, now=NOW + second)

    assert running.used == Used(reading=2.0, writing=2.0, written=10, output=11)


def test_an_answer_that_lay_there_until_its_caller_came_back_was_not_written_all_the_while() -> (
    None
):
    """One reader who paused for ten minutes made a model of a second look like one of 47."""
    running = watch()
    running.wanted(now=NOW + 602.0)
    running.heard(99, last=True, now=NOW + 602.0)

    assert running.used == Used(reading=2.0, writing=0.0, written=0, output=100)


def test_what_is_written_while_a_caller_reads_counts() -> None:
    """Otherwise the model would look faster than it is: what came meanwhile comes as one."""
    running = watch()
    running.wanted(now=NOW + 12.0)
    running.heard(100, last=False, now=NOW + 12.0)

    assert running.used == Used(reading=2.0, writing=10.0, written=100, output=101)


def test_a_form_that_is_compiled_first_says_nothing_of_reading() -> None:
    """Ten seconds for a schema looked like a second for each token of a short prompt."""
    used = watch(compiles=True).used

    assert used == Used(reading=None, writing=0.0, written=0, output=1)


def test_who_leaves_while_waiting_has_taken_what_came_before() -> None:
    running = watch()
    running.wanted(now=NOW + 500.0)

    assert running.used == Used(reading=2.0, writing=0.0, written=0, output=1)
