"""Which traces are recorded, by the names that OpenTelemetry gave to such rules.

| OTEL_TRACES_SAMPLER | what is recorded |
|---|---|
| parentbased_always_on | what the caller records, and every trace that begins here; the default |
| parentbased_always_off | what the caller records |
| parentbased_traceidratio | what the caller records, and a share of what begins here |
| always_on | everything |
| always_off | nothing |
| traceidratio | a share of the traces, whatever the caller does |

OTEL_TRACES_SAMPLER_ARG is the share, from 0 to 1, which is 1 unless it is set.
A share is taken by the trace's id, as OpenTelemetry's own libraries take it, so that services
with the same share record the same traces.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry.context import SpanContext

_RULE, _SHARE = "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"
_PARENT_BASED = "parentbased_"
_RATIO = "traceidratio"
_SHARES = {"always_on": 1.0, "always_off": 0.0, _RATIO: None}
_RULES = (*(f"{_PARENT_BASED}{name}" for name in _SHARES), *_SHARES)
_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampler:
    """Decides for traces whether they are recorded.

    Attributes:
        share: Of the traces that it decides about, from 0 to 1.
        follows: Whether it leaves those that come from elsewhere to their sender.
    """

    share: float = 1.0
    follows: bool = True

    def samples(self, trace_id: int, sender: SpanContext | None) -> bool:
        """Whether that trace is recorded.

        Args:
            sender: The span that it comes from; None: it begins here.
        """
        if sender is not None and self.follows:
            return sender.sampled
        return trace_id % (1 << _BITS) < round(self.share * (1 << _BITS))


def sampler_from(environ: Mapping[str, str]) -> Sampler:
    """The sampler that the environment asks for.

    Raises:
        StartupError: A variable says something that cannot be understood.
    """
    rule = environ.get(_RULE, "") or "parentbased_always_on"
    if rule not in _RULES:
        raise StartupError(f"{_RULE} must be one of {', '.join(_RULES)}, not {rule!r}")
    share = _SHARES[rule.removeprefix(_PARENT_BASED)]
    return Sampler(
        share=_share(environ) if share is None else share,
        follows=rule.startswith(_PARENT_BASED),
    )


def _share(environ: Mapping[str, str]) -> float:
    text = environ.get(_SHARE, "") or "1"
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise StartupError(f"{_SHARE} must be a share from 0 to 1, not {text!r}")
    return share
