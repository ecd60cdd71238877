"""How often a parser looks at an answer."""

from failsoft_local_llm.adapters.vllm.portions import Portions

WORD = "word "


def looks_at(words: int) -> list[int]:
    """Tokens of each portion of an answer of that many, without what is left at its end."""
    portions, taken = Portions(), []
    for token in range(words):
        portions.add(token, WORD)
        if portions.due:
            text, tokens = portions.take()
            assert text == WORD * len(tokens)
            taken.append(len(tokens))
    return taken


def test_a_short_answer_is_looked_at_after_each_token() -> None:
    assert looks_at(800) == [1] * 800


def test_what_all_looks_cost_grows_as_the_answer_does() -> None:
    """The cost of a look is what there is to read."""

    def cost(words: int) -> int:
        read = total = 0
        for tokens in looks_at(words):
            read += tokens
            total += read
        return total

    growth = cost(80_000) - cost(20_000)

    assert growth < 200 * (80_000 - 20_000)


def test_nobody_waits_long_for_the_next_piece() -> None:
    """Of 32 KiB, at 20 tokens a second: a router takes silence for a stall after 15."""
    assert max(looks_at(6553)) <= 60


def test_no_token_is_lost_between_portions() -> None:
    portions = Portions()
    portions.add(7, "a")
    assert portions.take() == ("a", [7])
    assert portions.take() == ("", [])
