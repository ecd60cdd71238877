"""`failsoft explain` with the ids that an application has of its answer."""

import json
import re
from typing import TYPE_CHECKING

import pytest
from openai import OpenAI

from failsoft_cli.addresses import on_loopback

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from tests.e2e.conftest import Failsoft, Up

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

QUESTION = "Which word is nobody told?"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def headers(up: "Up") -> dict[str, str]:
    """Those of one answer over OpenAI's API."""
    base_url = f"http://{on_loopback(up.ports.http)}/v1"
    with OpenAI(base_url=base_url, api_key="sk-any") as client:
        reply = client.chat.completions.with_raw_response.create(
            model="chat",
            messages=[{"role": "user", "content": QUESTION}],
            max_tokens=8,
            extra_headers={"traceparent": f"00-{TRACE}-{'1' * 16}-01"},
        )
        return dict(reply.headers)


def explain(failsoft: "Failsoft", up: "Up", *arguments: str) -> "CompletedProcess[str]":
    here = ("--address", on_loopback(up.ports.admin), "--data", str(up.data))
    return failsoft("explain", *arguments, *here)


@pytest.mark.parametrize("header", ["x-failsoft-walk-id", "x-request-id", "x-failsoft-trace-id"])
def test_each_id_of_a_reply_leads_to_its_story(
    failsoft: "Failsoft", up: "Up", headers: dict[str, str], header: str
) -> None:
    told = explain(failsoft, up, headers[header])

    assert (told.returncode, told.stderr) == (0, "")
    assert f"walk {headers['x-failsoft-walk-id']}, " in told.stdout
    assert f"served by {headers['x-failsoft-served-by']}" in told.stdout
    assert QUESTION not in told.stdout


def test_the_id_of_an_answer_of_openais_api_leads_to_its_walk(
    failsoft: "Failsoft", up: "Up", headers: dict[str, str]
) -> None:
    told = explain(failsoft, up, f"chatcmpl-{headers['x-failsoft-walk-id']}")

    assert f"walk {headers['x-failsoft-walk-id']}, " in told.stdout


def test_the_tree_and_the_reply_are_of_the_same_walk(
    failsoft: "Failsoft", up: "Up", headers: dict[str, str]
) -> None:
    walk_id = headers["x-failsoft-walk-id"]
    tree = explain(failsoft, up, walk_id, "--tree")
    reply = json.loads(explain(failsoft, up, walk_id, "--json").stdout)

    assert f"`-- failsoft.walk {walk_id} route " in tree.stdout
    assert re.search(r"failsoft\.hop \d+ \S+: served", tree.stdout)
    assert reply["explanation"]["walk_id"] == walk_id
    assert reply["explanation"]["end"]["served_by"] == headers["x-failsoft-served-by"]


def test_what_nobody_remembers_is_told_in_one_line(failsoft: "Failsoft", up: "Up") -> None:
    told = explain(failsoft, up, "0" * 32)

    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("WALK_NOT_FOUND: no walk of this id is remembered")
    assert len(told.stderr.splitlines()) == 1
