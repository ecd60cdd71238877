"""What rounds of answers come to."""

import pytest

from failsoft_cli.bench.figures import Round, Seen, Speed, speed_of


def of_two(*, first: float, wall: float, cpu: float, tokens: int = 50) -> Round:
    """A round of two answers, the second of which began a second later."""
    answers = [
        Seen(first_content=first, tokens=tokens),
        Seen(first_content=first + 1.0, tokens=tokens),
    ]
    return Round(answers=answers, wall=wall, cpu=cpu)


def test_a_speed_is_the_median_of_its_rounds() -> None:
    rounds = [
        of_two(first=1.0, wall=10.0, cpu=2.0),
        of_two(first=2.0, wall=20.0, cpu=1.0),
        of_two(first=9.0, wall=25.0, cpu=4.0),
    ]

    assert speed_of(rounds) == Speed(
        streams=2, first_content=2.5, tokens_per_second=5.0, cpu_per_token=0.02
    )


def test_one_slow_round_among_three_changes_nothing() -> None:
    usual = of_two(first=1.0, wall=10.0, cpu=2.0)
    slow = of_two(first=60.0, wall=600.0, cpu=20.0)

    assert speed_of([usual, slow, usual]) == speed_of([usual])


@pytest.mark.parametrize("rounds", [[], [of_two(first=1.0, wall=1.0, cpu=1.0, tokens=0)]])
def test_without_tokens_there_is_no_speed(rounds: list[Round]) -> None:
    with pytest.raises(ValueError):
        speed_of(rounds)
