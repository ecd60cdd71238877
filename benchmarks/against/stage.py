"""Two routers, one of each tree, and what they share."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.against.trees import python_path
from benchmarks.processes import announced, first_line, free_port, start, wait_until_connected

CHUNKS = 8
"""Pieces of an answer: few, so that the walk and not the streaming is what is weighed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that answers, and whose CPU time counts."""

    address: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Whoever takes turns."""

    before: Server
    now: Server
    echo: Server


@contextmanager
def running_stage(*, before: Path, now: Path) -> Iterator[Stage]:
    """Everything that is measured, and what it needs.

    Args:
        before: The baseline's tree.
        now: The tree that is compared with it.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="failsoft-against-")))
        echo, echo_port = announced(stack, ["-m", "benchmarks.programs", "echo"])
        _, collector = announced(stack, ["-m", "benchmarks.programs", "collector"])
        lookalike = start(
            stack, ["-m", "failsoft_upstream", "--port", "0", "--chunks", str(CHUNKS)]
        )
        upstream = first_line(lookalike).removeprefix("listening on ")
        file = folder / "policy.yaml"
        file.write_text(yaml.safe_dump(policy(upstream)))
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector}"}
        routers = [_router(stack, file, {**traced, **python_path(tree)}) for tree in (before, now)]
        yield Stage(
            before=routers[0],
            now=routers[1],
            echo=Server(address=f"127.0.0.1:{echo_port}", pid=echo.pid),
        )


def _router(stack: ExitStack, policy: Path, variables: Mapping[str, str]) -> Server:
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "FAILSOFT_ROUTER_ADDRESS": address,
        "FAILSOFT_ROUTER_ADMIN_ADDRESS": f"127.0.0.1:{free_port()}",
        "FAILSOFT_ROUTER_POLICY_FILE": str(policy),
        "FAILSOFT_ROUTER_LOG__LEVEL": "error",
    }
    router = start(stack, ["-m", "failsoft_router"], {**settings, **variables})
    wait_until_connected(address, router)
    return Server(address=address, pid=router.pid)


def policy(upstream: str) -> Mapping[str, object]:
    """Six hops, as a route of some size has; the first one answers."""
    names = ("cloud", "second", "third", "fourth")
    targets = {
        name: {
            "provider": "openai",
            "model": name,
            "endpoint": f"{upstream}/v1",
            "allow_private": True,
        }
        for name in names
    }
    route = {"default": True, "hops": [*names, "cache", "mock"]}
    return {"targets": targets, "routes": {"chat": route}}
