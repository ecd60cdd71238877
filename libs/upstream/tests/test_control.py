"""The control API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from failsoft_upstream import Options, Upstream, running
from failsoft_upstream.control import is_loopback

if TYPE_CHECKING:
    from libs.upstream.tests.conftest import Caller

pytestmark = pytest.mark.integration


async def test_a_fault_holds_until_it_is_deleted(caller: Caller) -> None:
    state = await caller.call("PUT", "/control/fault", b"status=503")
    assert (await caller.chat()).status == 503
    assert (await caller.chat(fault="healthy")).status == 200
    await caller.call("DELETE", "/control/fault")
    assert (await caller.chat()).status == 200
    [script] = orjson.loads(state.body)["scripts"]
    assert (script["model"], script["then"]) == (None, "last")
    assert script["steps"][0]["status"] == 503


async def test_a_fault_can_be_one_models_alone(caller: Caller) -> None:
    await caller.call("PUT", "/control/fault?model=mini", b'{"kind": "status", "status": 500}')
    assert (await caller.chat(model="mini")).status == 500
    assert (await caller.chat(model="large")).status == 200
    await caller.call("DELETE", "/control/fault?model=mini")
    assert (await caller.chat(model="mini")).status == 200


async def test_a_script_is_played_in_order(caller: Caller) -> None:
    script = {"steps": ["status=503", {"kind": "healthy"}], "then": "last"}
    await caller.call("POST", "/control/script", orjson.dumps(script))
    assert [(await caller.chat()).status for _ in range(3)] == [503, 200, 200]


async def test_the_meter_tells_what_was_asked(caller: Caller) -> None:
    await caller.chat()
    await caller.chat(fault="cut=2", stream=True)
    await caller.get("/v1/models")
    counts = orjson.loads((await caller.get("/control/meter")).body)
    assert counts == {
        "calls": 3,
        "by_path": {"/v1/chat/completions": 2, "/v1/models": 1},
        "by_model": {"gpt-5-mini": 2},
        "by_fault": {"healthy": 1, "cut": 1},
        "completed": 3,
        "cancelled": 0,
        "in_flight": 0,
        "max_in_flight": 1,
        "tokens_in": 26,
        "tokens_out": 7,
    }


async def test_a_reset_forgets_everything(caller: Caller) -> None:
    await caller.call("PUT", "/control/fault", b"hang")
    state = await caller.call("POST", "/control/reset")
    assert orjson.loads(state.body) == {"listening": True, "scripts": []}
    assert (await caller.chat()).status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("PUT", "/control/fault", b"statsu=503", "unknown kind"),
        ("PUT", "/control/fault", b"\xff", "not UTF-8"),
        ("PUT", "/control/fault", b"refuse", "control port"),
        ("POST", "/control/script", b"hang", "not JSON"),
        ("POST", "/control/script", b"[]", "a script is an object with an array steps"),
        ("POST", "/control/script", b'{"steps": ["oops"]}', "unknown kind"),
        ("POST", "/control/script", b'{"steps": ["refuse"]}', "whole target"),
        ("POST", "/control/script", b'{"steps": [], "then": "stop"}', "repeat, last, healthy"),
        ("POST", "/control/script", b'{"steps": [], "loop": true}', "no field loop"),
    ],
)
async def test_a_bad_command_says_why_and_changes_nothing(
    caller: Caller, method: str, path: str, body: bytes, said: str
) -> None:
    reply = await caller.call(method, path, body)
    assert reply.status == 400
    assert said in orjson.loads(reply.body)["error"]
    assert (await caller.chat()).status == 200


async def test_a_port_of_its_own_outlives_a_refusal(caller_of: type[Caller]) -> None:
    async with running(Options(control_port=0)) as upstream:
        caller = caller_of(upstream)
        await command(caller, upstream, "PUT", b"refuse")
        with pytest.raises(ConnectionRefusedError):
            await caller.chat()
        await command(caller, upstream, "DELETE")
        assert (await caller.chat()).status == 200
        assert (await caller.get("/control/state")).status == 404


async def command(caller: Caller, upstream: Upstream, method: str, body: bytes = b"") -> None:
    reply = await caller.call(method, "/control/fault", body, url=upstream.control_url)
    assert reply.status == 200


@pytest.mark.parametrize(
    ("address", "is_it"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        (None, False),
    ],
)
def test_only_callers_on_the_loopback_interface_command(address: str | None, is_it: bool) -> None:
    """In a container the API listens on every interface; its commands must not."""
    assert is_loopback(address) is is_it
