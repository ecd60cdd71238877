"""How targets look to people."""

import io

import pytest
from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from rich.table import Table

from failsoft.inference.v1 import walk_pb2
from failsoft.router.v1 import admin_service_pb2 as pb
from failsoft_cli.render_targets import check_notes, checks_table, target_notes, targets_table

CLOSED = pb.Breaker(state=pb.BREAKER_STATE_CLOSED, window_calls=12, window_failures=1)
BAD_CREDENTIAL = pb.CheckTargetResponse(
    result=pb.CHECK_RESULT_BAD_CREDENTIAL,
    detail="the key is wrong",
    latency=Duration(seconds=1),
)
ISOLATED = pb.Gate(
    skip_reason=walk_pb2.SKIP_REASON_ISOLATED,
    shut=True,
    due_in=Duration(seconds=540),
    detail="isolated by ada: a new driver",
)
OPEN_AGAIN = pb.Gate(
    skip_reason=walk_pb2.SKIP_REASON_QUOTA, detail="the provider said that it was enough"
)
FULL = pb.Gate(
    skip_reason=walk_pb2.SKIP_REASON_BULKHEAD,
    shut=True,
    detail="as many calls are in flight as may be",
)
TARGETS = [
    pb.Target(
        name="openai-mini",
        provider="openai",
        model="gpt-5-mini",
        credential=pb.CREDENTIAL_STATE_MISSING,
        breaker=CLOSED,
        gates=[OPEN_AGAIN],
    ),
    pb.Target(
        name="cloud",
        provider="openai",
        model="gpt-5-nano",
        credential=pb.CREDENTIAL_STATE_PRESENT,
        has_credential=True,
        breaker=CLOSED,
        gates=[ISOLATED, OPEN_AGAIN, FULL],
        calls_in_flight=64,
        concurrency=64,
        tokens_in_flight=7000,
        most_tokens_in_flight=8000,
        usual_first_content=Duration(nanos=420_000_000),
    ),
    pb.Target(
        name="local-llama",
        provider="failsoft",
        model="smollm2-135m-instruct",
        credential=pb.CREDENTIAL_STATE_NOT_NEEDED,
        has_credential=True,
        breaker=pb.Breaker(
            state=pb.BREAKER_STATE_OPEN,
            due_in=Duration(seconds=4, nanos=200_000_000),
            last_error=walk_pb2.ERROR_CLASS_TIMEOUT_FIRST_CONTENT,
        ),
        concurrency=4,
    ),
]


def lines(table: Table, *, columns: int) -> list[str]:
    """The lines of a table on a terminal of that width."""
    console = Console(file=io.StringIO(), width=columns)
    with console.capture() as capture:
        console.print(table, crop=False)
    return capture.get().splitlines()


def shown(table: Table) -> list[str]:
    """The lines of a table, white space made one blank, without its head."""
    return [" ".join(line.split()) for line in lines(table, columns=160)[2:]]


def test_targets_say_what_keeps_them_from_answering() -> None:
    assert shown(targets_table(TARGETS)) == [
        "openai-mini gpt-5-mini missing closed -",
        "cloud gpt-5-nano present closed isolated, bulkhead",
        "local-llama smollm2-135m-instruct none needed open -",
    ]
    assert list(target_notes(TARGETS)) == [
        "cloud: isolated by ada: a new driver, for another 9.0 min;"
        " as many calls are in flight as may be",
        "local-llama: a probe may go in 4.2 s; the last error was timeout first content",
    ]


def test_a_wide_terminal_is_shown_the_calls_as_well() -> None:
    assert shown(targets_table(TARGETS, wide=True))[1:] == [
        "cloud gpt-5-nano present closed isolated, bulkhead"
        " 64 of 64, 7000 of 8000 tokens 1 of 12 0.42 s",
        "local-llama smollm2-135m-instruct none needed open - 0 of 4 0 of 0 -",
    ]


def test_a_target_that_is_passed_over_although_its_breaker_is_closed_says_why() -> None:
    silent = pb.Target(name="a", model="m", has_credential=True, breaker=CLOSED)
    silent.breaker.fallen_silent = True

    assert shown(targets_table([silent])) == ["a m present or none needed closed, silent -"]
    assert list(target_notes([silent])) == [
        "a: it says nothing, and the calls that wait for it will open its breaker"
    ]


def test_what_is_due_comes_nearer_while_nothing_new_is_told() -> None:
    _, local = target_notes(TARGETS, ago=3.0)
    assert "a probe may go in 1.2 s" in local

    cloud, local = target_notes(TARGETS, ago=600.0)
    assert "a probe may go;" in local
    assert "for another 0.0 s" in cloud


def test_an_error_is_told_until_the_window_has_forgotten_it() -> None:
    recent = pb.Target(name="a", breaker=CLOSED)
    recent.breaker.last_error = walk_pb2.ERROR_CLASS_TRANSIENT
    old = pb.Target(name="b")
    old.CopyFrom(recent)
    old.breaker.window_failures = 0

    assert list(target_notes([recent, old])) == ["a: the last error was transient"]


@pytest.mark.parametrize(
    ("has_credential", "shown_as"), [(True, "present or none needed"), (False, "missing")]
)
def test_a_router_that_does_not_tell_a_key_from_none_needed_is_understood(
    has_credential: bool, shown_as: str
) -> None:
    older = pb.Target(name="a", model="m", has_credential=has_credential, breaker=CLOSED)

    assert shown(targets_table([older])) == [f"a m {shown_as} closed -"]


def test_a_check_says_what_it_found() -> None:
    checks = [(TARGETS[0], BAD_CREDENTIAL)]

    assert shown(checks_table(checks)) == ["openai-mini gpt-5-mini bad credential 1.00 s"]
    assert list(check_notes(checks)) == ["openai-mini: the key is wrong"]


@pytest.mark.parametrize(
    "table",
    [targets_table(TARGETS), checks_table([(each, BAD_CREDENTIAL) for each in TARGETS])],
    ids=["targets", "checks"],
)
def test_targets_fit_a_terminal_of_80_columns_one_a_line(table: Table) -> None:
    head, rule, *rows = lines(table, columns=80)

    assert len(rows) == len(TARGETS)
    assert all(len(line.rstrip()) <= 80 for line in (head, rule, *rows))


def test_of_several_endpoints_it_is_told_how_many_are_ready_and_who_is_left_alone() -> None:
    ready = pb.Endpoint(address="10.0.0.1:50051", state=pb.ENDPOINT_STATE_READY)
    starts = pb.Endpoint(address="10.0.0.2:50051", state=pb.ENDPOINT_STATE_NOT_READY)
    ill = pb.Endpoint(
        address="10.0.0.3:50051", state=pb.ENDPOINT_STATE_EJECTED, due_in=Duration(seconds=10)
    )
    back = pb.Endpoint(address="10.0.0.4:50051", state=pb.ENDPOINT_STATE_ON_TRIAL)
    full = pb.Endpoint(
        address="10.0.0.5:50051", state=pb.ENDPOINT_STATE_FULL, due_in=Duration(seconds=8)
    )
    several = pb.Target(
        name="local",
        model="m",
        credential=pb.CREDENTIAL_STATE_NOT_NEEDED,
        breaker=pb.Breaker(state=pb.BREAKER_STATE_CLOSED),
        endpoints=[ready, starts, ill, back, full],
    )
    one = pb.Target(
        name="a", model="m", credential=pb.CREDENTIAL_STATE_PRESENT, breaker=several.breaker
    )

    assert shown(targets_table([several, one])) == [
        "local m none needed closed - 2 of 5 ready",
        "a m present closed - -",
    ]
    assert list(target_notes([several], ago=6.0)) == [
        "local: 10.0.0.3:50051 is left alone for another 4.0 s;"
        " 10.0.0.4:50051 is on trial, with one call at a time;"
        " 10.0.0.5:50051 has no room for another 2.0 s"
    ]


def test_endpoints_that_nobody_has_told_yet_are_said_to_be_known_by_name() -> None:
    gate = pb.Gate(
        skip_reason=walk_pb2.SKIP_REASON_NO_READY_ENDPOINT, detail="known by the service's name"
    )
    target = pb.Target(
        name="local", breaker=pb.Breaker(state=pb.BREAKER_STATE_CLOSED), gates=[gate]
    )

    assert list(target_notes([target])) == ["local: known by the service's name"]
