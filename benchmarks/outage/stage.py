"""A router with two look-alikes behind it, as processes of their own."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.processes import first_line, free_port, start, wait_until_connected
from failsoft_upstream.remote_control import RemoteControl

FIRST, SECOND = "first", "second"

ANSWER_SECONDS = 0.2
"""What a healthy answer takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the router is, and what commands its first target."""

    router: str
    admin: str
    first: RemoteControl


@contextmanager
def running_stage(first: Mapping[str, object]) -> Iterator[Stage]:
    """Everything that callers need.

    Args:
        first: What the policy says of the first target beside the defaults.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="failsoft-outage-")))
        upstream, control = _lookalike(stack)
        standby, _ = _lookalike(stack)
        stage = Stage(
            router=f"127.0.0.1:{free_port()}",
            admin=f"127.0.0.1:{free_port()}",
            first=RemoteControl(control),
        )
        policy = {
            "targets": {
                FIRST: {**_target(FIRST, upstream), **first},
                SECOND: _target(SECOND, standby),
            },
            "routes": {"chat": {"default": True, "hops": [FIRST, SECOND]}},
        }
        router = {
            "address": stage.router,
            "admin_address": stage.admin,
            "policy_file": str(folder / "policy.yaml"),
            "log": {"level": "error"},
        }
        (folder / "policy.yaml").write_text(yaml.safe_dump(policy))
        (folder / "config.yaml").write_text(yaml.safe_dump({"router": router}))
        config = str(folder / "config.yaml")
        process = start(stack, ["-m", "failsoft_router", "--config", config])
        wait_until_connected(stage.router, process)
        yield stage


def _lookalike(stack: ExitStack) -> tuple[str, str]:
    """Its URL and its control API's."""
    process = start(
        stack,
        [
            *("-m", "failsoft_upstream", "--port", "0", "--control-port", "0"),
            *("--chunks", "1", "--tokens-per-chunk", "20"),
            *("--first-delay", str(ANSWER_SECONDS)),
        ],
    )
    url = first_line(process).removeprefix("listening on ")
    return url, first_line(process).removeprefix("control on ")


def _target(name: str, url: str) -> Mapping[str, object]:
    return {
        "provider": "openai",
        "model": name,
        "endpoint": f"{url}/v1",
        "allow_private": True,
        "concurrency": 1000,
    }
