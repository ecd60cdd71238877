"""What a request takes of the engine, and how far it has come."""

import enum
from dataclasses import dataclass

from failsoft_model.chat import Criticality
from failsoft_model.errors import Overloaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Tokens to read and tokens to write."""

    prompt: int = 0
    output: int = 0
    """At most; most answers end before."""

    @property
    def tokens(self) -> int:
        """What it may take of the KV cache in the end."""
        return self.prompt + self.output

    def __add__(self, other: "Work") -> "Work":
        return Work(prompt=self.prompt + other.prompt, output=self.output + other.output)

    def __sub__(self, other: "Work") -> "Work":
        return Work(prompt=self.prompt - other.prompt, output=self.output - other.output)

    def at_most(self, tokens: int) -> "Work":
        """The same mixture of both, and no more than that many tokens."""
        if self.tokens <= tokens:
            return self
        prompt = self.prompt * tokens // self.tokens
        return Work(prompt=prompt, output=tokens - prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one request asks for, on whose behalf, and until when it is of use."""

    tenant: str
    criticality: Criticality
    work: Work
    deadline_at: float
    """Seconds on the clock of `now`; `math.inf`: there is none."""


class Reason(enum.Enum):
    """Why a request was sent away."""

    FULL = "full"
    """There is no place to wait."""
    LATE = "late"
    """Its answer would probably not be whole before its deadline."""
    PUSHED_OUT = "pushed_out"
    """It waited, and a request that matters more took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a request is told that is sent away."""

    reason: Reason
    retry_after: float
    """Seconds until a place is probably free, for whoever is first then."""

    def error(self) -> Overloaded:
        """The same, as its caller gets it."""
        sentence = f"the model has no room: {_SENTENCES[self.reason]}"
        return Overloaded(
            sentence, retry_after=self.retry_after, metadata={"admission": self.reason.value}
        )


class Stage(enum.Enum):
    """How far a request has come."""

    WAITING = "waiting"
    INSIDE = "inside"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket:
    """One request before the door and behind it; only the door changes it."""

    claim: Claim
    latest_start: float
    """Starting later than that is probably of no use; `math.inf`: it never is too late."""
    stage: Stage = Stage.WAITING
    expected_wait: float | None = None
    """Seconds that it was thought to wait when it came; None: nothing was measured yet."""
    refusal: Refusal | None = None
    """Set when refused."""


_SENTENCES = {
    Reason.FULL: "as many requests as may wait do so already",
    Reason.LATE: "the answer would probably come after the deadline",
    Reason.PUSHED_OUT: "its place in the queue went to a request that matters more",
}
