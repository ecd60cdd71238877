"""Whether callers are let in, why, and when they may try again.

    LOADING  --a model answers--> SERVING
    LOADING  --it cannot be loaded--> DOWN
    SERVING  --a better one answers--> SERVING
    SERVING  --its engine dies--> DOWN
    SERVING  --nobody asks for it--> ASLEEP
    ASLEEP   --somebody asks--> WAKING
    WAKING   --a model answers--> SERVING
    WAKING   --it cannot be loaded--> DOWN
    DOWN     --a model answers--> SERVING
    DOWN     --the next one cannot be loaded either--> DOWN

A sleeping model lets callers in all the same: a router that were told otherwise would ask nobody
here any more, and it is the next request that wakes it.
"""

import enum

FIRST_START_SECONDS = 10.0
"""What a start is thought to take before there was one."""
SOONEST_RETRY_SECONDS = 0.5

_LOADING = "the model is loading"
_ASLEEP = "nobody asked for the model, so it was unloaded; the next request loads it"
_WAKING = "the model is being loaded for a request"


class State(enum.Enum):
    """What is the case with the model of this process."""

    LOADING = "loading"
    """Its first start is under way; nothing has gone wrong so far."""
    SERVING = "serving"
    ASLEEP = "asleep"
    WAKING = "waking"
    DOWN = "down"
    """It has died or could not be loaded; another start follows."""

    @property
    def lets_in(self) -> bool:
        """Whether a request is answered now, or as soon as the model has been woken."""
        return self in (State.SERVING, State.ASLEEP, State.WAKING)


class Standing:
    """The state of it. Not thread-safe: call it from one event loop."""

    def __init__(self, models: int, *, now: float) -> None:
        """
        Args:
            models: How many there are to choose from, the best of them number 0.
        """
        self.state = State.LOADING
        self.why = _LOADING
        """What made it so, in words for people."""
        self.ready_at = now + FIRST_START_SECONDS
        """When a model will probably answer, while none does."""
        self._usual_starts = [FIRST_START_SECONDS] * models

    def starts(self, number: int, *, at: float) -> None:
        """That model is the one that will answer next; its start begins then."""
        self.ready_at = at + self._usual_starts[number]

    def answers(self, number: int, *, took: float, why: str) -> None:
        """That model answers, so many seconds after its start began."""
        self._usual_starts[number] = took
        self._turn(State.SERVING, why)

    def fails(self, number: int, *, now: float, why: str) -> None:
        """None answers any more, or could be loaded; that one is likely to be the next to."""
        self.starts(number, at=now)
        self._turn(State.DOWN, why)

    def falls_asleep(self) -> None:
        """Nobody asks for the model, which is unloaded."""
        self._turn(State.ASLEEP, _ASLEEP)

    def wakes(self, number: int, *, now: float) -> None:
        """Somebody asks for that model, which sleeps."""
        self.starts(number, at=now)
        self._turn(State.WAKING, _WAKING)

    def retry_after(self, *, now: float) -> float:
        """Seconds after which it is worth to ask again, while no model answers."""
        return max(SOONEST_RETRY_SECONDS, self.ready_at - now)

    def _turn(self, state: State, why: str) -> None:
        self.state = state
        self.why = why
