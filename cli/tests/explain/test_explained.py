"""What an operator reads of one walk: story, timeline, tree."""

import io
from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import Parse
from rich.console import Console

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.commands.explain import tell, tell_tree
from failsoft_cli.explain.story import story
from failsoft_cli.explain.timeline import PLAIN, timeline
from failsoft_cli.explain.tree import PLAIN as BRANCHES
from failsoft_cli.explain.tree import span_tree
from failsoft_cli.explain.words import exact

EXAMPLE = Path(__file__).with_name("example.json")


@pytest.fixture
def reply() -> pb.ExplainRequestResponse:
    """A walk of five hops: two that failed, one that was isolated, one that went on, and a mock."""
    return Parse(EXAMPLE.read_text(), pb.ExplainRequestResponse())


def lines_of(reply: pb.ExplainRequestResponse) -> list[str]:
    return list(story(reply))


def line_with(reply: pb.ExplainRequestResponse, *words: str) -> str:
    (line,) = [each for each in lines_of(reply) if all(word in each for word in words)]
    return line


def seconds(value: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(value * 1e9))
    return duration


def attempt(
    number: int, *, started: float, first: float | None = None, latency: float, failed: bool = False
) -> walk_pb2.Attempt:
    made = walk_pb2.Attempt(id=f"w/1/{number}", started=seconds(started), latency=seconds(latency))
    if first is not None:
        made.time_to_first_content.CopyFrom(seconds(first))
    if failed:
        made.error_class = walk_pb2.ERROR_CLASS_TRANSIENT
    return made


def bars(*attempts: walk_pb2.Attempt, took: float, columns: int = 26) -> list[str]:
    hop = walk_pb2.Hop(position=1, target="a", attempts=attempts)
    walk = pb.Explanation(took=seconds(took), hops=[pb.ExplainedHop(hop=hop)])
    return list(timeline(walk, columns=columns, marks=PLAIN))


def test_a_story_says_who_asked_and_who_answered(reply: pb.ExplainRequestResponse) -> None:
    assert line_with(reply, "request order-4711", "trace 4bf92f")
    assert line_with(reply, "tenant acme", "as a stream", "route chat")
    assert line_with(reply, "served by local (llama-3.1-8b) in 3.15 s", "FALLBACK_TARGET")


def test_a_story_says_what_each_target_was_like_then_and_what_was_wrong(
    reply: pb.ExplainRequestResponse,
) -> None:
    assert line_with(reply, "2  anthropic skipped: isolated", "ada: a new contract")
    assert "shut: isolated for another 10.0 min" in line_with(reply, "shut:")
    assert line_with(reply, "call 2 at 0.65 s for 0.40 s", "HTTP 503")
    assert line_with(reply, "at 2.25 s its answer broke off after 17 characters", "go on with it")
    assert line_with(reply, "5  mock not reached; it would have been tried")


def test_who_would_have_been_skipped_next_says_why(reply: pb.ExplainRequestResponse) -> None:
    following = reply.explanation.plan[4].next
    following.would_be_tried = False
    following.skip_reason = walk_pb2.SKIP_REASON_QUOTA
    following.detail = "the provider closed the quota"
    following.due_in.CopyFrom(seconds(12.0))

    assert line_with(reply, "5  mock").endswith(
        "it would have been skipped: quota: the provider closed the quota, for another 12.0 s"
    )


def test_a_status_that_the_cause_names_is_told_once(reply: pb.ExplainRequestResponse) -> None:
    second = reply.explanation.hops[0].hop.attempts[1]
    second.detail = "the provider failed"

    assert line_with(reply, "call 1 at 0 s").count("HTTP 503") == 1
    assert line_with(reply, "call 2 at 0.65 s").endswith("the provider failed, HTTP 503")


def test_a_hop_that_was_moved_says_why(reply: pb.ExplainRequestResponse) -> None:
    reply.explanation.hops[0].hop.place = walk_pb2.PLACE_REASON_ASKED_MODEL

    assert line_with(reply, "it stands here because its model was asked for")


def test_a_call_that_ran_beside_the_next_hop_says_from_when_on(
    reply: pb.ExplainRequestResponse,
) -> None:
    assert not [line for line in lines_of(reply) if "beside" in line]

    reply.explanation.hops[0].hop.latency.CopyFrom(seconds(2.0))

    assert line_with(reply, "at 1.05 s the next hop began beside its call")


@pytest.mark.parametrize(
    ("due_in", "told"),
    [
        (2.1, "breaker open, a probe might go in 2.1 s;"),
        (0.0, "breaker open, a probe might go;"),
        (-0.5, "breaker open, a probe might go;"),
    ],
)
def test_an_open_breaker_says_when_it_lets_a_probe_through(
    reply: pb.ExplainRequestResponse, due_in: float, told: str
) -> None:
    breaker = reply.explanation.hops[0].look.breaker
    breaker.state = pb.BREAKER_STATE_OPEN
    breaker.due_in.CopyFrom(seconds(due_in))

    assert line_with(reply, told)


def test_a_walk_without_an_answer_says_the_reason_of_its_error(
    reply: pb.ExplainRequestResponse,
) -> None:
    end = reply.explanation.end
    end.Clear()
    end.error_reason, end.error_detail = "ROUTE_EXHAUSTED", "no hop could answer"

    assert line_with(reply, "ROUTE_EXHAUSTED after 3.15 s: no hop could answer")
    assert not [line for line in lines_of(reply) if "served by" in line]


def test_a_walk_that_may_change_and_one_that_shares_its_id_say_so(
    reply: pb.ExplainRequestResponse,
) -> None:
    reply.explanation.complete = False
    reply.other_walk_ids.append("w9")

    assert lines_of(reply)[-2:] == [
        "a call that it left behind still runs: ask again to see what came of it",
        "the same id leads to other walks: w9",
    ]


def test_a_story_commands_no_terminal(reply: pb.ExplainRequestResponse) -> None:
    reply.explanation.asked_model = "\x1b[31mred"
    reply.explanation.hops[0].hop.detail = "\x1b[2Jgone"

    assert "\x1b" not in "".join(lines_of(reply))


def test_a_bar_waits_speaks_and_fails_where_it_did() -> None:
    drawn = bars(
        attempt(1, started=0.0, latency=0.5, failed=True),
        attempt(2, started=1.0, first=0.5, latency=1.0),
        took=2.0,
        columns=27,
    )

    assert drawn == [
        "       0             2.00 s",
        "1 a 1  ----x",
        "1 a 2            -----=====",
    ]


@pytest.mark.parametrize(
    ("moment", "shown"),
    [(0.0, "0 s"), (0.0004, "0 s"), (0.0041, "0.004 s"), (0.0996, "0.10 s"), (1.254, "1.25 s")],
)
def test_a_moment_is_as_exact_as_it_is_short(moment: float, shown: str) -> None:
    assert exact(moment) == shown


@pytest.mark.parametrize("took", [0.0, 0.001, 1000.0])
def test_every_attempt_has_a_bar_within_the_axis(took: float) -> None:
    axis, *drawn = bars(
        attempt(1, started=0.0, latency=0.0, failed=True),
        attempt(2, started=took, first=0.0, latency=0.0),
        took=took,
    )

    assert [line[-1] for line in drawn] == ["x", "="]
    assert all(len(line) <= len(axis) for line in drawn)


def test_a_walk_that_called_nobody_has_no_timeline() -> None:
    assert bars(took=1.0) == []


def test_the_tree_has_walk_cache_hops_attempts_and_links(reply: pb.ExplainRequestResponse) -> None:
    lines = list(span_tree(reply.explanation, branches=BRANCHES))

    assert lines[0] == "request order-4711 of acme"
    assert [line.lstrip("|`- ").split(" ")[0].rstrip(":") for line in lines[1:]] == [
        "failsoft.walk",
        "failsoft.cache.v1.CacheService/Lookup",
        *("failsoft.hop", "chat", "chat"),
        "failsoft.hop",
        *("failsoft.hop", "chat"),
        *("failsoft.hop", "chat"),
    ]
    assert lines[5].endswith("retry of #1")
    assert lines[6].endswith("fallback of hop 1")


def test_what_is_written_to_a_file_is_plain(reply: pb.ExplainRequestResponse) -> None:
    console = Console(file=io.StringIO(), width=100)
    tell(reply, console)
    tell_tree(reply, console)
    assert isinstance(console.file, io.StringIO)

    assert console.file.getvalue().isascii()
