"""One case: who is asked in which dialect, where each target dies, how the next one goes on."""

import enum
from dataclasses import dataclass, replace
from random import Random

from failsoft_router.core.retry import MAX_ATTEMPTS
from rescues.answers import Told, draw_answer


class Behaviour(enum.Enum):
    """What a target does with an answer that another one began."""

    ON = "goes on"
    OVER = "starts over"
    REPEAT = "repeats the last words"
    REFUSE = "refuses a begun turn, then goes on"
    OTHER = "tells another answer from some place on"


class Speech(enum.Enum):
    """Whose dialect a target speaks, and how it takes beginnings."""

    OPENAI = "OpenAI"
    OPENAI_CONTINUING = "OpenAI, as servers speak it that take begun turns"
    CLAUDE_OLD = "Anthropic, a model that takes begun turns"
    CLAUDE_NEW = "Anthropic, a model that refuses them"
    GEMINI = "Gemini"
    OURS = "InferenceService"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one target plays.

    Attributes:
        dies_at: Share of its bytes after which its connection breaks; None: it does not.
    """

    speech: Speech
    behaviour: Behaviour
    dies_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question to a router, and what its targets do."""

    seed: int
    told: Told
    parts: tuple[Part, ...]
    sees_resets: bool

    @property
    def name(self) -> str:
        """In one line."""
        parts = ", ".join(
            f"{part.speech.value} {part.behaviour.value}"
            + ("" if part.dies_at is None else f" and dies at {part.dies_at:.3f}")
            for part in self.parts
        )
        return f"seed {self.seed}: {parts}; resets {self.sees_resets}; {self.told}"


def draw_case(seed: int) -> Case:
    """The case of a seed; the last target lives."""
    draw = Random(seed)
    deaths = draw.choice((1, 1, 1, 2, 3))
    parts = [
        Part(
            speech=draw.choice(tuple(Speech)),
            behaviour=draw.choice(tuple(Behaviour)),
            dies_at=draw.random(),
        )
        for _ in range(deaths)
    ]
    living = [each for each in Behaviour if each is not Behaviour.OTHER]
    last = Part(speech=draw.choice(tuple(Speech)), behaviour=draw.choice(living), dies_at=None)
    return Case(
        seed=seed,
        told=draw_answer(draw),
        parts=_affordable((*parts, last)),
        sees_resets=draw.random() < 0.5,
    )


def _affordable(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """No more refusals than a request has calls left, beside one for each target."""
    left, found = MAX_ATTEMPTS - len(parts), []
    for part in parts:
        refuses = part.behaviour is Behaviour.REFUSE
        found.append(part if left or not refuses else replace(part, behaviour=Behaviour.ON))
        left -= refuses and left > 0
    return tuple(found)
