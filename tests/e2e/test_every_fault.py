"""Each fault of a provider, over real sockets, through a router that is a process of its own.

The rows are in `fault_table`; each is asked for by a unary and by a streaming caller, of
a target that is the first hop of its route and of one behind a target that is down.
"""

import asyncio
import enum
import typing
from collections.abc import Iterator, Mapping, Sequence

import pytest
import yaml
from fault_matrix import ALL_CASES, CASES, MIDDLE, STREAM, Callers, Case, Seen, policy
from fault_table import TABLE
from lookalike_process import lookalike
from processes import free_ports, process, wait_until_serving
from router_under_test import hop_words

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft_kit.rpc.channel import open_channel
from failsoft_upstream import faults
from failsoft_upstream.faults import (
    Cover,
    ErrorKind,
    Fault,
    Filler,
    FinishReason,
    Garble,
    HintForm,
    Resumption,
)
from failsoft_upstream.remote_control import RemoteControl

pytestmark = pytest.mark.e2e

SLACK = 1.5
"""Seconds that a busy machine may add; nothing that the limits forbid is over by then."""

LONGEST_RETRY_WAIT = 0.5
"""Seconds: full jitter before a second attempt."""

ANSWERS = ("--chunks", "3", "--tokens-per-chunk", "30", "--chunk-delay", "0.02")
"""Pieces that come one by one, the model's name in the first of them."""


Played = tuple[Seen, Mapping[str, int]]
"""What the caller saw, and the calls that each of the route's targets got."""


class Stack:
    """A router, and what commands the look-alike of its targets."""

    def __init__(self, address: str, upstream: RemoteControl) -> None:
        self._address = address
        self._upstream = upstream
        self._played: dict[str, Played] = {}

    async def play(self, case: Case) -> Played:
        """What came of the case; those of one row are played at once, when the first is wanted."""
        if case.route not in self._played:
            await self._play_row(CASES[case.name])
        return self._played[case.route]

    async def _play_row(self, cases: Sequence[Case]) -> None:
        before = self._upstream.calls_by_model()
        for case in cases:
            if not isinstance(case.row.fault, faults.Refuse):
                self._upstream.set_fault(case.row.fault, model=case.faulty)
        async with open_channel(self._address) as channel:
            callers = Callers(channel)
            every = await asyncio.gather(*map(callers.ask, cases))
        after = self._upstream.calls_by_model()
        for case, seen in zip(cases, every, strict=True):
            calls = {hop: after.get(hop, 0) - before.get(hop, 0) for hop in case.hops}
            self._played[case.route] = (seen, calls)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("faults")
    config = folder / "config.yaml"
    port, admin_port = free_ports(2)
    address = f"127.0.0.1:{port}"
    router = {
        "address": address,
        "admin_address": f"127.0.0.1:{admin_port}",
        "policy_file": str(folder / "policy.yaml"),
    }
    config.write_text(yaml.safe_dump({"router": router}))
    with lookalike(*ANSWERS) as upstream, lookalike() as refusing:
        for down in {case.down for case in ALL_CASES}:
            upstream.control.set_fault(faults.Status(status=503), model=down)
        refusing.control.set_fault(faults.Refuse())
        document = policy(endpoint=upstream.base_url, refusing=refusing.base_url)
        (folder / "policy.yaml").write_text(yaml.safe_dump(document))
        with process(
            ["-m", "failsoft_router", "--config", str(config)],
            folder=folder,
            variables={case.secret: "a-key" for case in ALL_CASES},
        ):
            wait_until_serving(address, "failsoft.inference.v1.InferenceService")
            yield Stack(address, upstream.control)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.route) for case in ALL_CASES])
async def test_a_fault_leads_to_what_the_table_says(stack: Stack, case: Case) -> None:
    seen, calls = await stack.play(case)

    row = case.row
    assert _hops(seen) == _expected_hops(case)
    assert len(_faulty_hop(seen, case).attempts) == row.calls
    assert calls == _expected_calls(case)
    assert seen.resets == (case.caller == STREAM and row.said and row.falls_back)
    waits = (row.calls - 1) * LONGEST_RETRY_WAIT
    assert row.costs <= seen.seconds < row.costs + waits + SLACK
    if row.status is not None:
        assert seen.error is not None
        assert (seen.error.code, seen.error.reason) == (row.status, row.reason)
    else:
        _assert_answered(seen, case)


def _assert_answered(seen: Seen, case: Case) -> None:
    """By whom it should be, saying so, with nothing of anybody else in the text."""
    server = case.well if case.row.falls_back else case.faulty
    assert seen.finished is not None
    assert seen.finished.served_by == server
    fallback = server != case.hops[0]
    assert seen.finished.degradation == (
        chat_pb2.DEGRADATION_FALLBACK_TARGET if fallback else chat_pb2.DEGRADATION_NONE
    )
    assert [hop for hop in case.hops if hop in seen.text] == [server]


def _expected_hops(case: Case) -> list[tuple[str, str, str]]:
    row = case.row
    down = [(case.down, "FAILED", "TRANSIENT")] if case.place == MIDDLE else []
    faulty = (case.faulty, "FAILED" if row.error else "SERVED", row.error)
    well = [(case.well, "SERVED", "")] if row.falls_back else []
    return [*down, faulty, *well]


def _expected_calls(case: Case) -> dict[str, int]:
    down = {case.down: 1} if case.place == MIDDLE else {}
    return {**down, case.faulty: case.row.heard, case.well: int(case.row.falls_back)}


def _hops(seen: Seen) -> list[tuple[str, str, str]]:
    return hop_words(_hops_of(seen))


def _faulty_hop(seen: Seen, case: Case) -> walk_pb2.Hop:
    return next(hop for hop in _hops_of(seen) if hop.target == case.faulty)


def _hops_of(seen: Seen) -> list[walk_pb2.Hop]:
    """Those of the answer, or of the detail that tells why there is none."""
    if seen.finished is not None:
        return list(seen.finished.hops)
    assert seen.error is not None
    failure = walk_pb2.WalkFailure()
    assert seen.error.details[0].Unpack(failure)
    return list(failure.hops)


def _members(union: object) -> set[type]:
    return set(typing.get_args(union))


def test_every_fault_of_the_look_alike_has_a_row() -> None:
    """A new fault needs somebody to say what it must lead to."""
    assert {type(row.fault) for row in TABLE.values()} == _members(Fault)


@pytest.mark.parametrize(
    ("kind", "field", "values"),
    [
        (faults.ProviderError, "error", ErrorKind),
        (faults.Slow, "cover", Cover),
        (faults.Malformed, "form", Garble),
        (faults.Finish, "reason", FinishReason),
        (faults.Endless, "filler", Filler),
        (faults.Status, "form", HintForm),
        (faults.Resume, "how", Resumption),
    ],
)
def test_every_form_of_a_fault_has_a_row(
    kind: type[Fault], field: str, values: type[enum.Enum]
) -> None:
    forms = {getattr(row.fault, field) for row in TABLE.values() if type(row.fault) is kind}
    assert forms == set(values)
