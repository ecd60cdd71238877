"""What there is to measure on a machine, and what not and why. Pure: facts in, lists out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from failsoft_local_llm.core.catalogue import Catalogue, Weights
from failsoft_local_llm.core.profile.choice import Choice, Profile, Refusal, Wish
from failsoft_local_llm.core.profile.choose import choose, steps_to_get
from failsoft_local_llm.core.profile.facts import Machine

_PROFILES = (Profile.PRIMARY, Profile.MINIMAL)
_PROFILE_NAMES = frozenset(profile.value for profile in _PROFILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A model that can be served now, and how."""

    choice: Choice
    named: bool
    """Whether it is served because it is asked for by name; else its profile takes it by itself."""

    @property
    def name(self) -> str:
        """That of its weights."""
        return self.choice.weights.name

    @property
    def profile(self) -> Profile:
        """PRIMARY or MINIMAL."""
        return self.choice.profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A model or a profile that cannot be measured now."""

    name: str
    why: str
    """What is in the way, and what to do about it."""


def tiers(
    machine: Machine, catalogue: Catalogue, *, only: Collection[Weights] = ()
) -> tuple[Sequence[Tier], Sequence[Unmeasured]]:
    """What each profile takes by itself, then every other model that could be served by name.

    Weights that this machine could not run anyway are in neither list, but for what stands in the
    way of a whole profile, and for those that are wanted.

    Args:
        only: What is wanted; empty: everything.
    """
    found = {each.name: each for each in _by_profile(machine, catalogue)}
    for each in _by_name(machine, catalogue):
        found.setdefault(each.name, each)
    if only:
        found = {
            each.name: found.get(each.name, _impossible(machine, catalogue, each)) for each in only
        }
    measurable = [each for each in found.values() if isinstance(each, Tier)]
    return measurable, [each for each in found.values() if isinstance(each, Unmeasured)]


def _by_profile(machine: Machine, catalogue: Catalogue) -> Iterator[Tier | Unmeasured]:
    for profile in _PROFILES:
        decision = choose(machine, catalogue, Wish(profile=profile))
        if isinstance(decision, Choice) and not decision.degraded:
            yield _tier(machine, decision, named=False)
        else:
            yield Unmeasured(name=profile.value, why=_why_not(decision))


def _by_name(machine: Machine, catalogue: Catalogue) -> Iterator[Tier | Unmeasured]:
    for weights in catalogue.weights:
        decision = choose(machine, catalogue, Wish(model=weights.name))
        if isinstance(decision, Choice) and not decision.degraded:
            yield _tier(machine, decision, named=True)


def _impossible(machine: Machine, catalogue: Catalogue, weights: Weights) -> Unmeasured:
    decision = choose(machine, catalogue, Wish(model=weights.name))
    return Unmeasured(name=weights.name, why=_why_not(decision))


def _tier(machine: Machine, choice: Choice, *, named: bool) -> Tier | Unmeasured:
    if choice.present:
        return Tier(choice=choice, named=named)
    steps = "; ".join(steps_to_get(choice, machine.storage))
    return Unmeasured(name=choice.weights.name, why=steps)


def _why_not(decision: Choice | Refusal) -> str:
    if isinstance(decision, Refusal):
        return decision.sentence
    whys = [
        each.why if each.name in _PROFILE_NAMES else f"{each.name}: {each.why}"
        for each in decision.rejected
    ]
    return "; ".join(whys)
