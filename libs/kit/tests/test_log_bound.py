"""How many lines of a kind a log gets."""

from failsoft_kit.log_bound import LINES, SECONDS, LogBound

START = 1000.0


def test_the_first_lines_are_all_written() -> None:
    bound = LogBound()
    assert [bound.admit("UNAVAILABLE", now=START) for _ in range(LINES)] == [{}] * LINES


def test_what_comes_behind_them_is_left_out() -> None:
    bound = LogBound()
    for _ in range(LINES):
        bound.admit("UNAVAILABLE", now=START)
    assert bound.admit("UNAVAILABLE", now=START + SECONDS - 0.1) is None


def test_the_next_line_says_how_many_were_left_out() -> None:
    bound = LogBound()
    for _ in range(LINES + 7):
        bound.admit("UNAVAILABLE", now=START)
    after = [bound.admit("UNAVAILABLE", now=START + SECONDS) for _ in range(2)]
    assert after == [{"left_out": 7}, {}]


def test_each_while_has_its_lines() -> None:
    bound = LogBound()
    written = [
        bound.admit("UNAVAILABLE", now=START + second) is not None
        for second in range(int(3 * SECONDS))
        for _ in range(100)
    ]
    assert sum(written) == 3 * LINES


def test_one_kind_takes_no_lines_of_another() -> None:
    bound = LogBound()
    for _ in range(100):
        bound.admit("RESOURCE_EXHAUSTED", now=START)
    assert bound.admit("UNAVAILABLE", now=START) == {}
