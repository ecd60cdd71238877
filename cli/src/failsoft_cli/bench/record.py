"""What was measured, for programs."""

from collections.abc import Mapping, Sequence

from failsoft_cli.bench.figures import Figures, Speed
from failsoft_cli.bench.tiers import Tier, Unmeasured
from failsoft_local_llm.core.profile.choice import Choice, Refusal
from failsoft_local_llm.core.profile.facts import Machine
from failsoft_local_llm.core.profile.report import Json, as_record

Measured = Sequence[tuple[Tier, Figures]]


def bench_record(
    machine: Machine,
    decision: Choice | Refusal,
    measured: Measured,
    unmeasured: Sequence[Unmeasured],
) -> Mapping[str, Json]:
    """Everything, sizes in bytes and times in seconds; what could not be told is null.

    Args:
        decision: What the machine should run: `explain-profile` says the same of it.
    """
    return {
        **as_record(machine, decision),
        "tiers": [_tier(tier, figures) for tier, figures in measured],
        "notMeasured": [{"name": each.name, "why": each.why} for each in unmeasured],
    }


def _tier(tier: Tier, figures: Figures) -> dict[str, Json]:
    return {
        "weights": tier.name,
        "profile": tier.profile.value,
        "engine": tier.choice.engine.value,
        "runs": figures.why,
        "loadSeconds": figures.load_seconds,
        "readyBytes": figures.ready_bytes,
        "peakBytes": figures.peak_bytes,
        "speeds": [_speed(each) for each in figures.speeds],
        "trouble": figures.trouble,
    }


def _speed(speed: Speed) -> dict[str, Json]:
    return {
        "streams": speed.streams,
        "firstContentSeconds": speed.first_content,
        "tokensPerSecond": speed.tokens_per_second,
        "cpuSecondsPerToken": speed.cpu_per_token,
    }
