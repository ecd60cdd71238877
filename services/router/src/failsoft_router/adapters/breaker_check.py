"""What is wrong with a target's breaker and with how often it is called.

Everything here reads raw YAML values, as `policy_check` does.
"""

from collections.abc import Callable, Iterable, Iterator

from failsoft_kit.settings.document import Trail
from failsoft_kit.settings.types import format_duration
from failsoft_router.adapters.endpoint_check import Mistake, Raw
from failsoft_router.core.policy import BreakerPolicy, TargetKind
from failsoft_router.core.retry import MAX_ATTEMPTS_PER_HOP

HealthKey = tuple[str, str]
Read = Callable[[Raw], tuple[HealthKey, BreakerPolicy] | None]
"""What a target's values say, defaults included; None: they are wrong, and named elsewhere."""


def of_breakers(targets: Iterable[tuple[str, Raw]], *, read: Read) -> Iterator[Mistake]:
    """Open times that are no times, and breakers that cannot be shared.

    Targets of one endpoint and model share a breaker, so they cannot differ in it, however
    they are written.
    """
    first: dict[HealthKey, tuple[str, BreakerPolicy]] = {}
    for name, target in targets:
        here: Trail = ("targets", name)
        yield from _of_attempts(here, target)
        found = read(target)
        if found is None:
            continue
        key, breaker = found
        yield from _of_open_times((*here, "breaker"), target.get("breaker"), breaker)
        other, expected = first.setdefault(key, (name, breaker))
        if breaker != expected:
            where = "breaker" if "breaker" in target else "kind" if "kind" in target else "model"
            yield (
                (*here, where),
                f"gives it another breaker than `{other}`, which has the same endpoint and model"
                " and so the same breaker; `kind` and `breaker` of both have to agree",
            )


def _of_open_times(here: Trail, written: object, breaker: BreakerPolicy) -> Iterator[Mistake]:
    if breaker.open_for <= breaker.open_cap:
        return
    if isinstance(written, dict) and "open_for" in written:
        cap = format_duration(breaker.open_cap)
        yield (*here, "open_for"), f"is longer than `open_cap`, which is {cap}"
    else:
        first = format_duration(breaker.open_for)
        yield (*here, "open_cap"), f"is shorter than `open_for`, which is {first}"


def _of_attempts(here: Trail, target: Raw) -> Iterator[Mistake]:
    attempts, kind = target.get("attempts"), target.get("kind")
    most = MAX_ATTEMPTS_PER_HOP[TargetKind.GPU]
    if kind == TargetKind.GPU.value and isinstance(attempts, int) and attempts > most:
        yield (
            (*here, "attempts"),
            f"is more than the {most} that a target of kind `gpu` is given in one hop",
        )
