"""An operator's commands, against a router that is a process of its own."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from lookalike_process import LookAlike, lookalike
from processes import free_ports, process, wait_until_serving

from failsoft_upstream import faults

if TYPE_CHECKING:
    from tests.e2e.conftest import Failsoft

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]

TOKEN = "a-service-token-of-enough-characters"
END_SECONDS = 20


@dataclass(kw_only=True)
class Stage:
    """A router with two targets, `cloud` and `spare`, and the command for its operator."""

    failsoft: "Failsoft"
    address: str
    admin: str
    data: Path
    policy: Path
    cloud: LookAlike

    def operate(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.failsoft(command, *arguments, *self._here())

    def ask(self) -> str:
        """The last line of an answer: who served it, over which hops."""
        asked = self.failsoft("chat", "--address", self.address, "Say a word.")
        assert asked.returncode == 0, asked.stderr
        return asked.stdout.splitlines()[-1]

    @contextmanager
    def watching(self, command: str, *arguments: str) -> Iterator["Watch"]:
        """A command that goes on until it is interrupted."""
        started = subprocess.Popen(
            [sys.executable, "-m", "failsoft_cli", command, *arguments, *self._here()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with started:
            try:
                yield Watch(started)
            finally:
                started.kill()

    def _here(self) -> tuple[str, ...]:
        return ("--address", self.admin, "--data", str(self.data))


class Watch:
    """A command that is running, and what it writes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wait_for(self, *words: str, errors: bool = False) -> str:
        """The next line that holds all the words; an end before it is a failure."""
        seen = []
        stream = self._process.stderr if errors else self._process.stdout
        assert stream is not None
        for line in stream:
            seen.append(line)
            if all(word in line for word in words):
                return line
        raise AssertionError(f"{words} never came:\n{''.join(seen)}")

    def interrupt(self) -> tuple[int, str]:
        """Ctrl-C; the exit code, and what was on stderr."""
        self._process.send_signal(signal.SIGINT)
        _, errors = self._process.communicate(timeout=END_SECONDS)
        return self._process.returncode, errors


@pytest.fixture(scope="module")
def stage(failsoft: "Failsoft", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Shared by the tests; each leaves it as it was."""
    folder = tmp_path_factory.mktemp("operator")
    token = folder / "secrets" / "service-token"
    token.parent.mkdir()
    token.write_text(TOKEN)
    address, admin = (f"127.0.0.1:{port}" for port in free_ports(2))
    with ExitStack() as stack:
        cloud, spare = (stack.enter_context(lookalike()) for _ in range(2))
        policy = folder / "policy.yaml"
        policy.write_text(yaml.safe_dump(two_targets(cloud, spare)))
        variables = {
            "FAILSOFT_ROUTER_ADDRESS": address,
            "FAILSOFT_ROUTER_ADMIN_ADDRESS": admin,
            "FAILSOFT_ROUTER_POLICY_FILE": str(policy),
            "FAILSOFT_ROUTER_SERVICE_TOKEN_FILE": str(token),
        }
        stack.enter_context(process(["-m", "failsoft_router"], folder=folder, variables=variables))
        wait_until_serving(address, "failsoft.inference.v1.InferenceService")
        yield Stage(
            failsoft=failsoft,
            address=address,
            admin=admin,
            data=folder,
            policy=policy,
            cloud=cloud,
        )


def two_targets(cloud: LookAlike, spare: LookAlike) -> dict[str, object]:
    def target(upstream: LookAlike, **fields: object) -> dict[str, object]:
        return {
            "provider": "openai",
            "model": "any",
            "endpoint": upstream.base_url,
            "allow_private": True,
            "attempts": 1,
            **fields,
        }

    touchy = {"consecutive_failures": 2, "open_for": "1s", "open_cap": "1s", "good_probes": 1}
    return {
        "targets": {"cloud": target(cloud, breaker=touchy), "spare": target(spare)},
        "routes": {"chat": {"default": True, "hops": ["cloud", "spare"]}},
    }


def test_an_isolated_target_is_passed_over_until_it_is_released(stage: Stage) -> None:
    out = stage.operate("isolate", "cloud", "--for", "10m", "--reason", "a new driver")
    without = stage.ask()
    listed = stage.operate("targets")
    back = stage.operate("release", "cloud")
    again = stage.operate("release", "cloud")

    assert (out.returncode, out.stderr) == (0, "")
    assert "cloud is out for 10m" in out.stdout
    assert "release cloud` lets it in again" in out.stdout
    assert "served by spare" in without
    assert "cloud skipped (isolated) → spare served" in without
    assert re.search(r"cloud .* closed +isolated", listed.stdout)
    assert "a new driver, for another" in listed.stdout
    assert back.stdout == "cloud is isolated no longer\n"
    assert again.stdout == "cloud was not isolated\n"
    assert "served by cloud" in stage.ask()


def test_an_isolation_ends_with_its_time(stage: Stage) -> None:
    with stage.watching("targets", "--watch") as watch:
        watch.wait_for("cloud: closed")
        stage.operate("isolate", "cloud", "--for", "1s", "--reason", "x", "--actor", "ada")

        watch.wait_for("cloud: closed", "isolated by ada: x, for another")
        assert "isolated" not in watch.wait_for("cloud: closed")

    assert "served by cloud" in stage.ask()


def test_a_watcher_sees_a_breaker_open_and_close_and_leaves_quietly(stage: Stage) -> None:
    with stage.watching("targets", "--watch") as watch:
        watch.wait_for("cloud: closed")
        stage.cloud.control.set_fault(faults.Status(status=503))
        try:
            stage.ask()
            stage.ask()
            opened = watch.wait_for("cloud: open")
        finally:
            stage.cloud.control.clear_fault()
        while "served by cloud" not in stage.ask():
            pass
        watch.wait_for("cloud: closed")

        assert "a probe may go" in opened
        assert "the last error was transient" in opened
        assert watch.interrupt() == (0, "")


def test_hops_are_shown_as_they_end(stage: Stage) -> None:
    stage.operate("isolate", "cloud", "--for", "10m", "--reason", "x", "--actor", "ada")
    try:
        with stage.watching("hops", "--route", "chat") as watch:
            watch.wait_for("watching the hops", errors=True)
            stage.ask()

            skipped = watch.wait_for("cloud")
            served = watch.wait_for("spare")
            assert watch.interrupt() == (0, "")
    finally:
        stage.operate("release", "cloud")

    assert "default chat 1 cloud skipped: isolated: isolated by ada: x" in skipped
    assert "default chat 2 spare served, " in served
    assert skipped.split()[1] == served.split()[1], "one walk"


def test_a_policy_with_mistakes_is_refused_with_each_of_them(stage: Stage) -> None:
    good = stage.policy.read_text()
    stage.policy.write_text(good.replace("attempts: 1", "attempts: 9").replace("chat:", "chat: 1"))
    try:
        refused = stage.operate("reload")
    finally:
        stage.policy.write_text(good)
    accepted = stage.operate("reload")

    assert refused.returncode == 1
    assert "the one before stays in force" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert accepted.returncode == 0
    assert "served by cloud" in stage.ask()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("isolate", "clout", "--for", "1m", "--reason", "x"), "it has: cloud, spare"),
        (("release", "clout"), "it has: cloud, spare"),
        (("hops", "--route", "chta"), "it has: chat"),
        (("isolate", "cloud", "--for", "1m", "--reason", " "), "reason: must be 1 to 256"),
        (("release", "cloud", "--actor", "x" * 129), "actor: must be 1 to 128"),
    ],
)
def test_a_mistake_is_answered_with_what_is_allowed(
    stage: Stage, arguments: tuple[str, ...], complaint: str
) -> None:
    refused = stage.operate(*arguments)

    assert refused.returncode == 1
    assert complaint in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_fallback_names_the_command_that_tells_why(stage: Stage) -> None:
    stage.operate("isolate", "cloud", "--for", "1m", "--reason", "a new driver")
    asked = stage.failsoft("chat", "--address", stage.address, "Say a word.")
    command = re.search(
        r"^why: .* explain ([0-9a-f]{32}) --address ADMIN", asked.stderr, re.MULTILINE
    )

    assert command is not None
    assert "a new driver" in stage.operate("explain", command[1]).stdout
    stage.operate("release", "cloud")
    assert stage.failsoft("chat", "--address", stage.address, "Say a word.").stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("targets", "--watch"),
        ("isolate", "cloud", "--for", "1m", "--reason", "x"),
        ("release", "cloud"),
        ("reload",),
        ("hops",),
        ("explain", "any-id"),
    ],
    ids=" ".join,
)
def test_without_the_token_nobody_is_an_operator(
    stage: Stage, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    here = ("--address", stage.admin, "--data", str(tmp_path))

    refused = stage.failsoft(*arguments, *here)

    assert refused.returncode == 1
    assert "PERMISSION_DENIED" in refused.stderr
    assert "--data" in refused.stderr
