"""Clients that people have, unmodified, on the embedded stack while providers fail.

langchain-openai and litellm run as programs of their own, in an environment of their own.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
import yaml
from lookalike_process import lookalike
from processes import free_ports
from scripted_provider import scripted_provider

from failsoft_router.wire.sse import SseParser
from failsoft_upstream import faults
from failsoft_upstream.faults import Fault
from failsoft_upstream.remote_control import RemoteControl

if TYPE_CHECKING:
    from tests.e2e.conftest import StartUp

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PYTHON = Path(__file__).resolve().parents[2] / ".venv-sdks" / "bin" / "python"
PROGRAMS = Path(__file__).resolve().parent / "clients"
ALL_ARE_READY = "stop: Ctrl-C"
GPT, GPT_WITH_TOOLS, CLAUDE = "gpt-5-mini", "gpt-5-nano", "claude-haiku-4-5"
BERN = ["weather", {"place": "Bern"}]
CALL = [
    {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "weather"}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"place":'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '"Bern"}'}}]},
]
FAULTS = pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.Status(status=503), id="503"),
        pytest.param(faults.Hang(), id="hangs"),
        pytest.param(faults.Cut(after=2), id="cut"),
    ],
)


class Stack:
    """A running `failsoft up` whose providers are look-alikes."""

    def __init__(self, base_url: str, *, upstream: RemoteControl, scripted_port: int) -> None:
        """
        Args:
            base_url: As it was printed.
            scripted_port: Where the provider is asked that stands behind OpenAI for tools.
        """
        self.base_url = base_url
        self.scripted_port = scripted_port
        self._upstream = upstream

    @contextmanager
    def openai_out(self, fault: Fault) -> Iterator[None]:
        """OpenAI fails like this inside the block."""
        self._upstream.set_fault(fault, model=GPT)
        try:
            yield
        finally:
            self._upstream.clear_fault(model=GPT)

    @contextmanager
    def all_out(self) -> Iterator[None]:
        """So does every provider."""
        with self.openai_out(faults.Status(status=503)):
            self._upstream.set_fault(faults.Status(status=503), model=CLAUDE)
            try:
                yield
            finally:
                self._upstream.clear_fault(model=CLAUDE)


class Client:
    """A client's program, which does what it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def does(self, deed: str, model: str) -> dict[str, object]:
        """What came of it; the test fails where the program does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{deed} {model}\n")
        self._process.stdin.flush()
        told: dict[str, object] = orjson.loads(self._process.stdout.readline())
        return told


def policy(upstream: str, *, scripted_port: int, key: Path) -> dict[str, object]:
    """OpenAI, then Anthropic; for tools one that calls them; behind all of them a mock."""
    # Each test shall meet its fault, so no breaker opens.
    never = {"minimum_calls": 1000, "consecutive_failures": 1000}
    common = {"attempts": 1, "allow_private": True, "breaker": never}
    openai = {
        "provider": "openai",
        "model": GPT,
        "endpoint": upstream,
        "capabilities": ["tools", "json_schema"],
        "limits": {"first_content": "1s"},
        **common,
    }
    return {
        "targets": {
            "openai": openai,
            "claude": {
                "provider": "anthropic",
                "model": CLAUDE,
                "endpoint": upstream,
                "credential": {"file": str(key)},
                **common,
            },
            "scripted": {
                "provider": "openai",
                "model": "scripted",
                "endpoint": f"http://127.0.0.1:{scripted_port}/v1",
                "capabilities": ["tools"],
                **common,
            },
        },
        "routes": {
            "chat": {"default": True, "hops": ["openai", "claude", "mock"]},
            "tools": {"serves": [GPT_WITH_TOOLS], "hops": ["openai", "scripted"]},
        },
        "tenants": {"default": {"allow_mock": True}},
    }


@pytest.fixture(scope="module")
def stack(start_up: "StartUp", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("clients")
    key, file = folder / "anthropic", folder / "policy.yaml"
    key.write_text("a-key")
    (scripted_port,) = free_ports(1)
    with lookalike() as upstream:
        document = policy(upstream.base_url, scripted_port=scripted_port, key=key)
        file.write_text(yaml.safe_dump(document))
        with start_up(folder / "data", "--policy", str(file)) as up:
            up.wait_for(ALL_ARE_READY)
            (told,) = [line for line in up.seen if line.startswith("OpenAI base URL ")]
            yield Stack(told.split()[-1], upstream=upstream.control, scripted_port=scripted_port)


@pytest.fixture(scope="module", params=["langchain", "litellm"])
def client(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Client]:
    if not PYTHON.exists():
        pytest.skip("langchain-openai and litellm are not here: `make clients` installs them")
    program = PROGRAMS / f"{request.param}_client.py"
    command = [str(PYTHON), str(program), stack.base_url]
    # Otherwise it asks the network for today's prices when it is imported.
    environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environ) as process:
        yield Client(process)


def assert_claudes(text: object) -> None:
    """One answer, said once, by the provider that was not asked for."""
    assert isinstance(text, str)
    assert text.count("You asked") == 1
    assert CLAUDE in text
    assert GPT not in text


def test_a_client_is_answered_whole_and_in_pieces(client: Client) -> None:
    told = client.does("chat", GPT)

    assert told["model"] == GPT
    assert told["tokens"]
    pieces = told["pieces"]
    assert isinstance(pieces, list)
    assert "".join(pieces) == told["whole"]
    assert len([piece for piece in pieces if piece]) > 1


@FAULTS
def test_a_client_does_not_see_an_outage(client: Client, stack: Stack, fault: Fault) -> None:
    with stack.openai_out(fault):
        told = client.does("chat", GPT)

    assert told["model"] == CLAUDE
    assert_claudes(told["whole"])
    pieces = told["pieces"]
    assert isinstance(pieces, list)
    assert_claudes("".join(pieces))


async def test_a_clients_tools_are_called_through_an_outage(client: Client, stack: Stack) -> None:
    async with scripted_provider(*CALL, finish_reason="tool_calls", port=stack.scripted_port):
        with stack.openai_out(faults.Status(status=503)):
            told = await asyncio.to_thread(client.does, "tools", GPT_WITH_TOOLS)

    assert told == {"whole": [BERN], "streamed": [BERN]}


def test_a_client_can_parse_what_comes_when_all_providers_are_out(
    client: Client, stack: Stack
) -> None:
    with stack.all_out():
        told = client.does("parse", GPT)

    assert told.keys() == {"name", "people"}


@FAULTS
def test_curl_does_not_see_an_outage(stack: Stack, fault: Fault) -> None:
    with stack.openai_out(fault):
        whole, streamed = curl(stack, stream=False), curl(stack, stream=True)

    assert_claudes(orjson.loads(whole)["choices"][0]["message"]["content"])
    *chunks, done = SseParser().feed(streamed)
    assert done == b"[DONE]"
    choices = [choice for chunk in chunks for choice in orjson.loads(chunk)["choices"]]
    assert_claudes("".join(choice["delta"].get("content") or "" for choice in choices))


def curl(stack: Stack, *, stream: bool) -> bytes:
    """What `curl -N` prints."""
    program = shutil.which("curl")
    if program is None:
        pytest.skip("needs curl")
    message = {"role": "user", "content": "What is soft?"}
    asked = orjson.dumps({"model": GPT, "messages": [message], "stream": stream}).decode()
    command = [
        *(program, "-N", "--silent", "--show-error", "--fail"),
        *("-H", "authorization: Bearer sk-any", "-H", "content-type: application/json"),
        *("-d", asked, f"{stack.base_url}/chat/completions"),
    ]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
