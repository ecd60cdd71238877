"""Hops that are being watched, a line each."""

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.text import Text

from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.console import prose
from failsoft_cli.render import hop_outcome, hop_place, hop_reason, seconds


def tell_hops(
    hops: Iterable[pb.WatchHopsResponse], out: Console, *, time_of_day: Callable[[], str]
) -> None:
    """Write a line for each hop, and one where some were missed."""
    for told in hops:
        if told.missed:
            prose(out, f"({told.missed} hops were missed: more ended than could be sent)")
        out.print(hop_line(told, time_of_day=time_of_day()), soft_wrap=True)


def hop_line(told: pb.WatchHopsResponse, *, time_of_day: str) -> Text:
    """When, which walk, whose, which hop, how it ended and in what time."""
    hop = told.hop
    whose = f"{told.walk_id} {told.tenant} {told.route}"
    line = Text(f"{time_of_day} {whose} {hop.position} {hop.target} ")
    line.append_text(hop_outcome(hop))
    if reason := hop_reason(hop):
        line.append(f": {reason}")
    if hop.latency.ToNanoseconds():
        line.append(f", {seconds(hop.latency):.2f} s")
    if place := hop_place(hop):
        line.append(f" ({place})")
    return line
