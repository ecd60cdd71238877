"""Which fault meets which request.

In this order: what the request itself asks for (header, then suffix of its
model's name); the script of its model; the script of the whole target; health.
A fault that is set until further notice is a script of one step.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from failsoft_upstream.faults import HEALTHY, Fault, Refuse


class Then(enum.Enum):
    """What follows the last step of a script."""

    REPEAT = "repeat"
    LAST = "last"
    HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class Script:
    """Faults for one request after the other."""

    steps: tuple[Fault, ...]
    then: Then = Then.HEALTHY

    def at(self, position: int) -> Fault:
        """The fault of the request at `position`, counted from 0."""
        if position < len(self.steps):
            return self.steps[position]
        match self.then:
            case Then.REPEAT if self.steps:
                return self.steps[position % len(self.steps)]
            case Then.LAST if self.steps:
                return self.steps[-1]
            case _:
                return HEALTHY


class CannotRefuse(ValueError):
    """`Refuse` was asked of something that is no listening socket."""


class Playbook:
    """The scripts of a look-alike and how far each has got. For one event loop."""

    def __init__(self) -> None:
        self._scripts: dict[str | None, Script] = {}
        self._positions: dict[str | None, int] = {}

    @property
    def scripts(self) -> Mapping[str | None, Script]:
        """Scripts by model; None: for every model that has none of its own."""
        return self._scripts

    def play(self, script: Script, *, model: str | None) -> None:
        """Start `script` from its first step, in place of the model's present one.

        Raises:
            CannotRefuse: A step is `Refuse`: who has sent a request is connected.
        """
        if any(isinstance(step, Refuse) for step in script.steps):
            raise CannotRefuse("refuse is for a whole target, not for a model or a step")
        self._scripts[model] = script
        self._positions[model] = 0

    def clear(self, *, model: str | None) -> None:
        """End the script of the model; it is as healthy as the whole target then."""
        self._scripts.pop(model, None)
        self._positions.pop(model, None)

    def clear_all(self) -> None:
        """End every script."""
        self._scripts.clear()
        self._positions.clear()

    def next(self, model: str) -> Fault:
        """The fault of the next request for `model`; moves its script on."""
        key = model if model in self._scripts else None
        script = self._scripts.get(key)
        if script is None:
            return HEALTHY
        position = self._positions[key]
        self._positions[key] = position + 1
        return script.at(position)
