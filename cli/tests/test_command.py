"""The command line itself: help, wrong usage, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from failsoft_cli.__main__ import main
from failsoft_cli.addresses import Ports, free_ports, is_on_loopback, on_loopback, refuse_taken
from failsoft_cli.supervisor.data_dir import DataDir
from failsoft_kit.startup import StartupError

pytestmark = pytest.mark.integration

COMMANDS = [
    "up",
    "chat",
    "status",
    "targets",
    "hops",
    "explain",
    "isolate",
    "release",
    "keys",
    "reload",
    "demo",
    "bench",
]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> "Run":
    return Run(monkeypatch)


class Run:
    """Runs the command in this process; gives its exit code."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["failsoft", *arguments])
        return main()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_its_exit_codes(
    run: Run, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run(command, "--help") == 0
    assert "Exit codes" in capsys.readouterr().out


def test_help_needs_none_of_the_services_code() -> None:
    """Whoever asks for help should not wait for a gRPC stack to load."""
    code = (
        "import sys; from failsoft_cli.__main__ import main; sys.argv = ['failsoft', '--help'];"
        " main(); sys.exit(bool({'grpc', 'failsoft_router', 'rich'} & sys.modules.keys()))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["up", "--port-offset", "-1"],
        ["up", "--otlp", "localhost:4317"],
        ["up", "--otlp", "http://localhost:4318/v1/traces"],
        ["up", "--policy", "/nowhere.yaml"],
        ["chat", "--temperature", "3", "hello"],
        ["chat", "--timeout", "0", "hello"],
        ["chat", "--timeout", "inf", "hello"],
        ["chat", "--max-tokens", "0", "hello"],
        ["chat", ""],
        ["chat", "  "],
        ["targets", "--watch", "--check"],
        ["isolate", "cloud", "--reason", "x"],
        ["isolate", "cloud", "--for", "10m"],
        ["isolate", "cloud", "--for", "10", "--reason", "x"],
        ["isolate", "cloud", "--for", "0.5s", "--reason", "x"],
        ["isolate", "cloud", "--for", "31d", "--reason", "x"],
        ["isolate", "--for", "10m", "--reason", "x"],
        ["release"],
        ["hops", "chat"],
        ["explain"],
        ["explain", " "],
        ["explain", "x", "--tree", "--json"],
    ],
)
def test_wrong_usage_is_explained(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(*arguments) == 2
    assert "Error" in capsys.readouterr().err


def test_chat_says_how_to_start_what_does_not_run(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (port,) = free_ports(1)

    assert run("chat", "--address", on_loopback(port), "hello") == 1
    assert "failsoft up" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["targets"],
        ["targets", "--watch"],
        ["targets", "--check"],
        ["isolate", "cloud", "--for", "10m", "--reason", "x"],
        ["release", "cloud"],
        ["reload"],
        ["hops"],
        ["explain", "x"],
        ["status"],
    ],
    ids=" ".join,
)
def test_operators_are_told_how_to_start_what_does_not_run(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str]
) -> None:
    (port,) = free_ports(1)

    assert run(*arguments, "--address", on_loopback(port), "--data", str(tmp_path)) == 1

    complaint = capsys.readouterr().err
    assert "failsoft up" in complaint
    assert "watching" not in complaint


def test_all_ports_in_use_are_named_at_once(free_port_and_taken: tuple[int, int]) -> None:
    free, taken = free_port_and_taken
    ports = Ports(router=taken, local_llm=free, cache=taken, admin=free)

    with pytest.raises(StartupError) as refused:
        refuse_taken(ports, advice="do something else")

    assert refused.value.problems == (
        f"port {taken} is in use; it is meant for the router",
        f"port {taken} is in use; it is meant for the cache",
        "end what listens there, or do something else",
    )


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("127.0.0.1:50060", True),
        ("127.8.9.1:50060", True),
        ("localhost:50060", True),
        ("[::1]:50060", True),
        ("dns:///localhost:50060", True),
        ("unix:/run/failsoft.sock", True),
        ("10.0.0.7:50060", False),
        ("router:50060", False),
        ("dns:///127.0.0.1.example.com:50060", False),
        ("", False),
    ],
)
def test_which_address_is_on_this_machine(address: str, *, here: bool) -> None:
    assert is_on_loopback(address) is here


@pytest.mark.parametrize("command", ["targets", "reload", "hops", "status"])
def test_the_service_token_is_not_shown_to_another_machine_unasked(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    """It travelled in the clear, and nobody was told."""
    token = DataDir(tmp_path).service_token
    token.parent.mkdir(parents=True)
    token.write_text("t" * 32)
    elsewhere = ("--address", "192.0.2.1:50060", "--data", str(tmp_path))

    assert run(command, *elsewhere) == 2
    assert "--in-the-clear" in capsys.readouterr().err


def test_an_api_key_is_not_shown_to_another_machine_unasked(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAILSOFT_API_KEY", "fs_canary")

    assert run("chat", "--address", "192.0.2.1:50050", "hello") == 2
    refusal = capsys.readouterr().err
    assert "--in-the-clear" in refusal
    assert "fs_canary" not in refusal
