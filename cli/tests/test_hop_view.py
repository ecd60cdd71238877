"""What a watcher of hops sees."""

import io

from google.protobuf.duration_pb2 import Duration
from rich.console import Console

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.hop_view import tell_hops

SERVED = walk_pb2.Hop(
    position=2,
    target="local",
    outcome=walk_pb2.HOP_OUTCOME_SERVED,
    latency=Duration(nanos=340_000_000),
)
SKIPPED = walk_pb2.Hop(
    position=1,
    target="cloud",
    outcome=walk_pb2.HOP_OUTCOME_SKIPPED,
    skip_reason=walk_pb2.SKIP_REASON_ISOLATED,
    detail="isolated by ada: a new \x1b[31mdriver",
)


def lines(*told: pb.WatchHopsResponse) -> list[str]:
    console = Console(file=io.StringIO(), width=40)
    tell_hops(told, console, time_of_day=lambda: "14:02:11")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def told(hop: walk_pb2.Hop, *, missed: int = 0) -> pb.WatchHopsResponse:
    return pb.WatchHopsResponse(
        walk_id="012345678", tenant="acme", route="chat", hop=hop, missed=missed
    )


def test_each_hop_is_one_line_that_commands_no_terminal() -> None:
    assert lines(told(SKIPPED), told(SERVED)) == [
        "14:02:11 012345678 acme chat 1 cloud skipped: isolated: isolated by ada: a new [31mdriver",
        "14:02:11 012345678 acme chat 2 local served, 0.34 s",
    ]


def test_a_hop_that_is_not_where_the_route_has_it_says_why() -> None:
    moved = walk_pb2.Hop()
    moved.CopyFrom(SERVED)
    moved.place = walk_pb2.PLACE_REASON_TENANT_PREFERS

    assert lines(told(moved)) == [
        "14:02:11 012345678 acme chat 2 local served, 0.34 s (tenant prefers)"
    ]


def test_missed_hops_are_told_before_the_next() -> None:
    assert lines(told(SERVED, missed=12)) == [
        "(12 hops were missed: more ended than could be sent)",
        "14:02:11 012345678 acme chat 2 local served, 0.34 s",
    ]
