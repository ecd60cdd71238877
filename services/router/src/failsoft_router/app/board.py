"""The targets of the policy with what this replica knows of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from failsoft_kit.clock import Clock
from failsoft_model.walk import ErrorClass
from failsoft_router.core.breaker import Breaker
from failsoft_router.core.errors import TargetNotFound
from failsoft_router.core.policy import Policy, TargetPolicy
from failsoft_router.ports import Credential, Target


@dataclass(slots=True, kw_only=True)
class Place:
    """One target: its policy, the way to it, and its health.

    Attributes:
        credential: None: none is needed.
        last_error: Of the last failed attempt; None when there was none.
    """

    policy: TargetPolicy
    target: Target
    credential: Credential | None
    breaker: Breaker
    last_error: ErrorClass | None = None

    @property
    def lacks_credential(self) -> bool:
        """A key is needed, and there is none."""
        return self.credential is not None and self.credential.value() is None


class Board:
    """Every target of one policy; those with equal endpoint and model share a breaker."""

    def __init__(
        self,
        policy: Policy,
        *,
        targets: Mapping[str, Target],
        credentials: Mapping[str, Credential],
        clock: Clock,
    ) -> None:
        """
        Args:
            targets: One for each target of the policy, by name.
            credentials: Those of targets that need one, by name.
        """
        self.policy = policy
        breakers: dict[tuple[str, str], Breaker] = {}
        self._places: dict[str, Place] = {}
        for name, target in policy.targets.items():
            breaker = breakers.setdefault(
                target.health_key, Breaker(target.breaker, now=clock.now())
            )
            self._places[name] = Place(
                policy=target,
                target=targets[name],
                credential=credentials.get(name),
                breaker=breaker,
            )

    def place(self, name: str) -> Place:
        """The target of this name.

        Raises:
            TargetNotFound: The policy has none.
        """
        found = self._places.get(name)
        if found is None:
            raise TargetNotFound(
                f"the policy has no such target; it has: {', '.join(self._places) or 'none'}"
            )
        return found

    def places(self) -> Iterable[Place]:
        """All targets in the policy's order."""
        return self._places.values()

    def without_credential(self, names: Iterable[str]) -> frozenset[str]:
        """Those of these targets that need a key and have none."""
        return frozenset(
            name
            for name in names
            if (place := self._places.get(name)) is not None and place.lacks_credential
        )

    def soonest(self, names: Iterable[str], *, now: float) -> float:
        """Seconds until the first of these targets may be tried; 0 when one may be now."""
        return min((self.place(name).breaker.due_in(now) for name in names), default=0.0)

    async def close(self) -> None:
        """Let go of every target's connections."""
        for place in self._places.values():
            await place.target.close()
