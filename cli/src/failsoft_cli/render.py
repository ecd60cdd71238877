"""Facts of a walk as tables and sentences, and the tables themselves."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from google.protobuf.duration_pb2 import Duration
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1.inference_service_pb2 import Finished
from failsoft_cli.console import harmless
from failsoft_client import word

_DEGRADATIONS = {
    chat_pb2.DEGRADATION_FALLBACK_TARGET: "another target answered than the best one",
    chat_pb2.DEGRADATION_STALE_CACHE: "a stale answer",
    chat_pb2.DEGRADATION_SIMILAR_CACHE: "the answer to a similar question",
    chat_pb2.DEGRADATION_MOCK: "a mock: no model has seen the question",
}
_OUTCOME_STYLES = {
    walk_pb2.HOP_OUTCOME_SERVED: "green",
    walk_pb2.HOP_OUTCOME_FAILED: "red",
    walk_pb2.HOP_OUTCOME_SKIPPED: "yellow",
}
_PASSING = {
    "(ENGINE_UNAVAILABLE)": "the model is still loading or being started again",
    "(UNAVAILABLE)": "nobody listens at its address, so it is starting or does not run",
}
"""What a hop's detail says of trouble that may have passed in a moment, and what it means."""


def seconds(duration: Duration) -> float:
    """A message's duration as a number."""
    return duration.ToNanoseconds() / 1e9


def words(enum_word: str) -> str:
    """`CIRCUIT_OPEN` for people."""
    return enum_word.lower().replace("_", " ")


def hops_table(hops: Iterable[walk_pb2.Hop]) -> Table:
    """Who was tried, skipped and served, why, and how long it took."""
    return table_of(("hop", "target", "outcome", "why", "time"), [_hop_row(hop) for hop in hops])


def _hop_row(hop: walk_pb2.Hop) -> Sequence[str | Text]:
    skipped = hop.outcome == walk_pb2.HOP_OUTCOME_SKIPPED
    return (
        str(hop.position),
        hop.target,
        hop_outcome(hop),
        hop_reason(hop),
        "-" if skipped else f"{seconds(hop.latency):.2f} s",
    )


def hop_outcome(hop: walk_pb2.Hop) -> Text:
    """How it ended, in a word."""
    outcome = words(word(walk_pb2.HopOutcome.DESCRIPTOR, hop.outcome))
    return Text(outcome, style=_OUTCOME_STYLES.get(hop.outcome, ""))


def hop_reason(hop: walk_pb2.Hop) -> str:
    """Why it was skipped or failed; empty: there is nothing to say."""
    match hop.outcome:
        case walk_pb2.HOP_OUTCOME_SKIPPED:
            reason = words(word(walk_pb2.SkipReason.DESCRIPTOR, hop.skip_reason))
        case walk_pb2.HOP_OUTCOME_FAILED:
            reason = words(word(walk_pb2.ErrorClass.DESCRIPTOR, hop.error_class))
        case _:
            reason = ""
    return ": ".join(part for part in (reason, harmless(hop.detail)) if part)


def hop_place(hop: walk_pb2.Hop) -> str:
    """Why it has its place in the order; empty: by the route, or an older router did not say."""
    if hop.place in (walk_pb2.PLACE_REASON_UNSPECIFIED, walk_pb2.PLACE_REASON_ROUTE_ORDER):
        return ""
    return words(word(walk_pb2.PlaceReason.DESCRIPTOR, hop.place))


def summary(finished: Finished, *, took: float) -> str:
    """One line: who served it, what it is instead of the best answer, whether its length was
    limited, the way, the time.

    Args:
        took: Seconds from the question to the end of the answer.
    """
    served = finished.served_by
    if finished.model not in ("", served):
        served += f" ({finished.model})"
    facts = [f"served by {served}"]
    if finished.HasField("cache_age"):
        facts.append(f"{age(seconds(finished.cache_age))} old")
    if label := degradation(finished):
        facts.append(label)
    if finished.finish_reason == walk_pb2.FINISH_REASON_LENGTH:
        facts.append(_cut(finished.usage.output_tokens))
    if finished.hops:
        facts.append(_way(finished.hops))
    facts.append(f"{took:.1f} s")
    return " · ".join(facts)


def hop_notes(hops: Iterable[walk_pb2.Hop]) -> Iterator[str]:
    """A sentence for each hop that failed by something that may have passed in a moment."""
    for hop in hops:
        for detail, meaning in _PASSING.items():
            if detail in hop.detail:
                yield f"{hop.target}: {meaning}; ask again in a moment"


def _cut(tokens: int) -> str:
    """What to say of an answer that would have gone on.

    Args:
        tokens: 0: nobody has counted them.
    """
    return f"cut at {tokens} tokens (max_tokens)" if tokens else "cut at max_tokens"


def degradation(finished: Finished) -> str:
    """What the caller got instead of the best answer; empty: nothing less."""
    if finished.degradation == chat_pb2.DEGRADATION_NONE:
        return ""
    return degradation_words(finished.degradation)


def degradation_words(degradation: chat_pb2.Degradation.ValueType) -> str:
    """A degradation by its name, and what it means."""
    name = word(chat_pb2.Degradation.DESCRIPTOR, degradation)
    explained = _DEGRADATIONS.get(degradation, "")
    return f"{name}: {explained}" if explained else name


def age(age_seconds: float) -> str:
    """An age as people say it."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if age_seconds >= length:
            return f"{age_seconds / length:.1f} {unit}"
    return f"{age_seconds:.1f} s"


def _way(hops: Iterable[walk_pb2.Hop]) -> str:
    """The hops in a row; neighbours that fared alike are told once."""
    alike = groupby(hops, key=_fared)
    return " → ".join(f"{', '.join(hop.target for hop in some)} {fared}" for fared, some in alike)


def _fared(hop: walk_pb2.Hop) -> str:
    outcome = words(word(walk_pb2.HopOutcome.DESCRIPTOR, hop.outcome))
    match hop.outcome:
        case walk_pb2.HOP_OUTCOME_SKIPPED:
            reason = words(word(walk_pb2.SkipReason.DESCRIPTOR, hop.skip_reason))
        case walk_pb2.HOP_OUTCOME_FAILED:
            reason = words(word(walk_pb2.ErrorClass.DESCRIPTOR, hop.error_class))
        case _:
            return outcome
    return f"{outcome} ({reason})"


def table_of(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table as all of ours look; no word of it is ever broken, to be copied whole.

    Print it with `crop=False`: one that is too wide for the terminal is wrapped by the terminal.
    """
    cells = [[Text(each) if isinstance(each, str) else each for each in row] for row in rows]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, column in enumerate(columns):
        table.add_column(
            column,
            justify="right" if column == "time" else "left",
            min_width=max(map(_longest_word, [Text(column), *(row[index] for row in cells)])),
        )
    for row in cells:
        table.add_row(*row)
    return table


def _longest_word(text: Text) -> int:
    return max((cell_len(each) for each in text.plain.split()), default=0)
