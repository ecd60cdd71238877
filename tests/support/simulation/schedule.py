"""What happens to a router in one simulated run, as frozen values; times are seconds."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from failsoft_model.chat import ChatRequest
from failsoft_router.core.policy import Policy


class Act(enum.Enum):
    """What a target does with one call."""

    HEALTHY = "answers"
    LENGTH = "answers until the tokens are used up"
    RESTARTED = "answers, resetting its own stream once"
    SLOW = "takes about its limit to the first content"
    GAPPY = "pauses for about its stall limit"
    HANG = "never says anything"
    STALL = "falls silent half way"
    ENDLESS = "never stops talking"
    NO_CONNECTION = "cannot be connected to"
    REFUSED = "refuses the connection"
    SERVER_ERROR = "answers 5xx"
    RATE_LIMITED = "answers 429"
    RATE_LIMITED_WITH_HINT = "answers 429 and when to come back"
    QUOTA = "has no quota left"
    CREDENTIAL = "knows no such key"
    MODEL_GONE = "has no such model"
    REGION = "does not serve this region"
    CONTEXT_LENGTH = "finds the request too long"
    UNSUPPORTED = "cannot do what is asked"
    FILTERED = "refuses the content"
    FILTERED_LATE = "filters its own answer half way"
    CALLER_FAULT = "finds the request wrong"
    TRUNCATED = "stops without an ending"
    MALFORMED = "talks nonsense half way"
    IN_BAND = "reports an error in mid-stream"
    CRASH = "raises what no adapter should raise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A time during which each call to a target does one of the acts.

    Attributes:
        until: From the start of the run; infinite for the last one.
    """

    until: float
    acts: tuple[Act, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How one target behaves.

    Attributes:
        phases: In order of time.
        belt: It ends a call itself when the call's total has passed, as clients do.
    """

    phases: tuple[Phase, ...]
    belt: bool

    def at(self, seconds: float) -> tuple[Act, ...]:
        """What it may do at this time from the start."""
        return next(phase.acts for phase in self.phases if seconds < phase.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheWeather:
    """How the cache behaves.

    Attributes:
        delay: What a look-up takes.
        away: From when to when it does not answer.
    """

    delay: float
    away: tuple[tuple[float, float], ...]

    def is_away(self, seconds: float) -> bool:
        """Whether it is away at this time from the start."""
        return any(begin <= seconds < end for begin, end in self.away)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """One request and how its caller behaves.

    Attributes:
        name: For people.
        at: When it is sent, from the start of the run.
        within: The caller's own deadline; None: it has none.
        patience: After this long it hangs up; None: it never does.
        pause: What the reader of a stream does nothing for after each event.
    """

    name: str
    at: float
    request: ChatRequest
    tenant: str
    streamed: bool
    within: float | None
    patience: float | None
    pause: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolated:
    """An operator takes a target out for a while; times are from the start of the run."""

    target: str
    at: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """Another policy comes into force, so long after the start."""

    at: float
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """A target's credential: the first key, and from when on there is the second.

    Attributes:
        first: None: it is not there yet.
    """

    first: str | None
    second: str
    changes: float

    def at(self, seconds: float) -> str | None:
        """The key at this time from the start."""
        return self.first if seconds < self.changes else self.second


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One run.

    Attributes:
        start: What the loop's clock says at first.
        keys: Of the targets that need one.
        cache: None: the router has none.
        requests: In order of time.
    """

    seed: int
    start: float
    policy: Policy
    weather: Mapping[str, Weather]
    keys: Mapping[str, Keys]
    cache: CacheWeather | None
    isolated: tuple[Isolated, ...]
    reloads: tuple[Reload, ...]
    requests: tuple[PlannedRequest, ...]

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Every policy that is in force at some time."""
        return (self.policy, *(reload.policy for reload in self.reloads))
