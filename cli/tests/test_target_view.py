"""What a watcher of targets sees."""

import io
from collections.abc import Iterator

import pytest
from google.protobuf.duration_pb2 import Duration
from rich.console import Console

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.target_view import show_live, tell_changes


def out(*, columns: int = 120, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=columns, height=20, force_terminal=terminal, color_system=None
    )


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def opened(due: float, *, failures: int = 5) -> pb.Target:
    duration = Duration()
    duration.FromMilliseconds(round(due * 1000))
    return pb.Target(
        name="cloud",
        credential=pb.CREDENTIAL_STATE_PRESENT,
        breaker=pb.Breaker(
            state=pb.BREAKER_STATE_OPEN,
            due_in=duration,
            last_error=walk_pb2.ERROR_CLASS_TRANSIENT,
            window_failures=failures,
        ),
    )


def closed() -> pb.Target:
    target = opened(0)
    target.breaker.CopyFrom(pb.Breaker(state=pb.BREAKER_STATE_CLOSED))
    return target


def test_a_file_gets_a_line_for_each_change_and_none_for_what_counts_up_or_runs_down() -> None:
    console = out()
    other = closed()
    other.name = "local"
    snapshots = [
        [closed(), other],
        [opened(5.0), other],
        [opened(4.0, failures=7), other],
        [closed(), other],
        [closed()],
    ]

    tell_changes(snapshots, console, time_of_day=lambda: "14:02:11")

    assert written(console).splitlines() == [
        "14:02:11 cloud: closed",
        "14:02:11 local: closed",
        "14:02:11 cloud: open; a probe may go in 5.0 s; the last error was transient",
        "14:02:11 cloud: closed",
        "14:02:11 local: the policy does not have it any more",
    ]


def test_a_missing_credential_is_told() -> None:
    console, missing = out(), closed()
    missing.credential = pb.CREDENTIAL_STATE_MISSING

    tell_changes([[missing]], console, time_of_day=lambda: "14:02:11")

    assert written(console) == "14:02:11 cloud: closed; its credential is missing\n"


def test_a_terminal_keeps_the_last_state_with_what_has_run_down() -> None:
    console, moment = out(terminal=True), [0.0]

    def snapshots() -> Iterator[list[pb.Target]]:
        yield [closed()]
        yield [opened(5.0)]
        moment[0] = 3.0

    show_live(snapshots(), console, now=lambda: moment[0])

    assert "a probe may go in 2.0 s" in written(console)


@pytest.mark.parametrize(("columns", "has_calls"), [(80, False), (120, True)])
def test_a_terminal_is_shown_what_it_has_room_for(columns: int, has_calls: bool) -> None:
    console = out(columns=columns, terminal=True)

    show_live([[opened(5.0)]], console, now=lambda: 0.0)

    assert ("calls" in written(console)) is has_calls


def test_a_terminal_has_its_cursor_back_after_an_interruption() -> None:
    console = out(terminal=True)

    def snapshots() -> Iterator[list[pb.Target]]:
        yield [closed()]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        show_live(snapshots(), console, now=lambda: 0.0)

    hidden, shown = written(console).rfind("\x1b[?25l"), written(console).rfind("\x1b[?25h")
    assert 0 <= hidden < shown
