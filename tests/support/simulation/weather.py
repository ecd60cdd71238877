"""Draws how targets behave over time: good days, outages that begin and end, flapping, chaos."""

import math
from collections.abc import Mapping, Sequence
from random import Random

from simulation.schedule import Act, Phase, Weather

_GOOD = (Act.HEALTHY,)
_VARIED = (Act.HEALTHY, Act.HEALTHY, Act.HEALTHY, Act.HEALTHY, Act.LENGTH, Act.RESTARTED)
_UNKIND = (Act.FILTERED, Act.FILTERED_LATE, Act.CALLER_FAULT, Act.CONTEXT_LENGTH, Act.UNSUPPORTED)
_TOO_LONG = (Act.HEALTHY, Act.CONTEXT_LENGTH)
_EVERYTHING = tuple(Act)

_ILLNESSES: tuple[tuple[Act, ...], ...] = (
    (Act.HANG,),
    (Act.SERVER_ERROR,),
    (Act.REFUSED,),
    (Act.NO_CONNECTION,),
    (Act.STALL,),
    (Act.TRUNCATED,),
    (Act.MALFORMED, Act.IN_BAND),
    (Act.SLOW,),
    (Act.GAPPY,),
    (Act.ENDLESS,),
    (Act.RATE_LIMITED, Act.RATE_LIMITED_WITH_HINT),
    (Act.QUOTA,),
    (Act.CREDENTIAL,),
    (Act.MODEL_GONE, Act.REGION),
    (Act.HEALTHY, Act.SERVER_ERROR),
    (Act.HEALTHY, Act.CRASH),
    (Act.HEALTHY, Act.HANG, Act.STALL),
    (Act.SERVER_ERROR, Act.HANG, Act.REFUSED, Act.TRUNCATED),
)
_DEADLY = _ILLNESSES[:7]


def of_targets(draw: Random, names: Sequence[str], horizon: float) -> Mapping[str, Weather]:
    """The weather of every target; some days all have the same."""
    match draw.randrange(12):
        case 0:
            phases = {name: _always(_EVERYTHING) for name in names}
        case 1 | 2:
            phases = {name: _always(draw.choice(_DEADLY)) for name in names}
        case 3:
            outage = _outage(draw, horizon)
            phases = dict.fromkeys(names, outage)
        case 4:
            phases = {name: _always(draw.choice((_GOOD, _VARIED, _UNKIND))) for name in names}
        case 5:
            phases = {name: _always(_GOOD) for name in names}
            phases[draw.choice(names)] = _always((Act.HANG,))
        case 6:
            phases = {name: _always(draw.choice((_GOOD, _TOO_LONG))) for name in names}
        case _:
            phases = {name: _of_one(draw, horizon) for name in names}
    return {name: Weather(phases=each, belt=draw.random() < 0.5) for name, each in phases.items()}


def _of_one(draw: Random, horizon: float) -> tuple[Phase, ...]:
    match draw.randrange(5):
        case 0:
            return _always(draw.choice((_GOOD, _VARIED)))
        case 1:
            return _always(draw.choice(_ILLNESSES))
        case 2:
            return _flapping(draw, horizon)
        case _:
            return _outage(draw, horizon)


def _always(acts: tuple[Act, ...]) -> tuple[Phase, ...]:
    return (Phase(until=math.inf, acts=acts),)


def _outage(draw: Random, horizon: float) -> tuple[Phase, ...]:
    begin = draw.uniform(0.0, 0.6) * horizon
    end = begin + draw.uniform(0.05, 0.8) * horizon
    return (
        Phase(until=begin, acts=_VARIED),
        Phase(until=end, acts=draw.choice(_ILLNESSES)),
        Phase(until=math.inf, acts=_GOOD),
    )


def _flapping(draw: Random, horizon: float) -> tuple[Phase, ...]:
    illness, length = draw.choice(_ILLNESSES), horizon / draw.randint(4, 20)
    turns = [
        Phase(until=(number + 1) * length, acts=illness if number % 2 else _GOOD)
        for number in range(20)
    ]
    return (*turns, *_always(_GOOD))
