"""The attempts of a walk as bars on one axis of time."""

from collections.abc import Iterator
from dataclasses import dataclass

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.explain.words import attempt_end, exact
from failsoft_cli.render import seconds

FEWEST_COLUMNS = 20
"""Of bars, however narrow the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What bars are made of: until the first content, from then on, and the end of a failure."""

    waits: str
    speaks: str
    fails: str


PLAIN = Marks(waits="-", speaks="=", fails="x")
DRAWN = Marks(waits="╌", speaks="━", fails="x")


def timeline(walk: pb.Explanation, *, columns: int, marks: Marks) -> Iterator[str]:
    """The axis, and a line for each attempt; nothing where nobody was called.

    Args:
        columns: Of the widest line, if there is room for bars.
    """
    labelled = [
        (f"{told.hop.position} {told.hop.target} {attempt.id.rpartition('/')[2]}", attempt)
        for told in walk.hops
        for attempt in told.hop.attempts
    ]
    if not labelled:
        return
    longest = max(len(label) for label, _ in labelled)
    room = max(FEWEST_COLUMNS, columns - longest - 2)
    total = max(seconds(walk.took), *(attempt_end(attempt) for _, attempt in labelled))
    end = exact(total)
    yield f"{'':{longest}}  0{end:>{room - 1}}"
    for label, attempt in labelled:
        yield f"{label:{longest}}  {_bar(attempt, total=total, room=room, marks=marks)}"


def _bar(attempt: walk_pb2.Attempt, *, total: float, room: int, marks: Marks) -> str:
    """One attempt; at least one column wide, however short it was."""

    def column(moment: float) -> int:
        return round(room * moment / total) if total else 0

    started, ended = seconds(attempt.started), attempt_end(attempt)
    spoke = ended
    if attempt.HasField("time_to_first_content"):
        spoke = started + seconds(attempt.time_to_first_content)
    begin = min(column(started), room - 1)
    end = max(begin + 1, column(ended))
    middle = min(max(begin, column(spoke)), end)
    if attempt.HasField("time_to_first_content"):
        middle = min(middle, end - 1)
    bar = marks.waits * (middle - begin) + marks.speaks * (end - middle)
    if attempt.error_class:
        bar = bar[:-1] + marks.fails
    return " " * begin + bar
