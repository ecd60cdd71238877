"""Strings with a length, a pattern or a format; free ones say what they are."""

from collections.abc import Iterator, Sequence

from failsoft_router.core.mock.draws import Draws
from failsoft_router.core.mock.schema.facts import Facts
from failsoft_router.core.mock.schema.formats import EXAMPLES
from failsoft_router.core.mock.schema.pattern import Node, Writer
from failsoft_router.core.mock.schema.work import Unfit, Work
from failsoft_router.core.mock.tokens import shortened

_LONGEST = 4096
_VARIANTS = 40


def candidates(facts: Facts, said: Sequence[str], draws: Draws, work: Work) -> Iterator[str]:
    """Strings that may fit.

    Args:
        said: What a free string says, one of it as drawn; the last is the shortest.

    Raises:
        Unfit: There is none that we can make.
        TooMuch: It would take too long.
    """
    if facts.shortest > _LONGEST:
        raise Unfit("the schema asks for a text that is too long")
    work.spend(facts.shortest // 16)
    if examples := {name: EXAMPLES[name] for name in facts.formats if name in EXAMPLES}:
        if len(examples) > 1:
            raise Unfit("the schema asks for two formats at once")
        for example in examples.values():
            yield from (example(draws) for _ in range(_VARIANTS))
    elif facts.patterns:
        yield from _written(facts.patterns[0], facts.shortest, draws, work)
    else:
        yield from _free(facts, said, draws)


def _written(pattern: Node, shortest: int, draws: Draws, work: Work) -> Iterator[str]:
    for spare in (0, draws.below(6), *range(1, 10), shortest):
        text = Writer(draws, work, spare=spare).text(pattern)
        yield text
        yield text.ljust(shortest, "x")
        missing = max(0, shortest - len(text))
        yield Writer(draws, work, spare=spare + missing).text(pattern)


def _free(facts: Facts, said: Sequence[str], draws: Draws) -> Iterator[str]:
    """First what is said, then others for lists whose items must differ."""
    yield _sized(said[draws.below(len(said))], facts)
    start = draws.below(100)
    for number in range(start, start + _VARIANTS):
        yield _sized(f"{said[-1]} {number}", facts)
    for number in range(10 + _VARIANTS):
        yield _sized(str(number), facts)


def _sized(text: str, facts: Facts) -> str:
    """The text, repeated or cut to the length that is asked for."""
    if len(text) < facts.shortest:
        text = " ".join([text] * (facts.shortest // len(text) + 1))
        return text[: facts.shortest]
    return text if facts.longest is None else shortened(text, facts.longest)
