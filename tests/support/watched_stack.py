"""Every service as a process of its own, with everything that they write within reach."""

import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis
import yaml
from local_llm_process import local_llm
from processes import free_ports, process, wait_until_serving
from span_collector import Collector, collecting
from valkey_process import ValkeyProcess

_ADMIN = "failsoft.router.v1.RouterAdminService"
_CACHE = "failsoft.cache.v1.CacheService"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What the services are configured with, beside their addresses.

    Attributes:
        policy: Of the router; the target `local` is added to it.
        identity: Settings of the router, in their variables' words.
        valkey_password: What Valkey wants to be shown.
        service_token: What our services show each other.
    """

    policy: Mapping[str, Mapping[str, object]]
    identity: Mapping[str, str]
    valkey_password: str
    service_token: str


@dataclass(slots=True, kw_only=True)
class WatchedStack:
    """All of them, running; `places` is what they have written so far.

    Attributes:
        metrics: Where each service's metrics are read.
        processes: Of each service, its children not included.
    """

    folder: Path
    collector: Collector
    valkey: ValkeyProcess
    address: str
    admin_address: str
    base_url: str
    metrics: Mapping[str, str]
    processes: Mapping[str, psutil.Process] = field(default_factory=dict)

    def seen_from_outside(self) -> dict[str, bytes]:
        """What other processes and Prometheus see, and what Valkey holds; while all are running."""
        places = {
            f"metrics page of {name}": _page(f"http://{address}/metrics")
            for name, address in self.metrics.items()
        }
        for name, each in self.processes.items():
            family = [each, *each.children(recursive=True)]
            shown = [
                [*child.cmdline(), *map("=".join, child.environ().items())] for child in family
            ]
            places[f"ps of {name}"] = repr(shown).encode()
        names = self.valkey.names()
        places["Valkey's names"] = b"\n".join(names)
        places["Valkey's values"] = b"\n".join(map(self._value, names))
        return places

    def written(self) -> dict[str, bytes]:
        """Logs, and what the collector got; once all have ended."""
        logs = {f"log of {file.stem}": file.read_bytes() for file in self.folder.glob("*.log")}
        return {**logs, "collector": b"\n".join(self.collector.batches)}

    def _value(self, name: bytes) -> bytes:
        client = self.valkey.client
        match client.type(name):
            case b"string":
                return bytes(client.get(name) or b"")  # type: ignore[arg-type] # redis types both its clients at once
            case b"hash":
                return repr(client.hgetall(name)).encode()
            case b"zset":
                return repr(client.zrange(name, 0, -1)).encode()
            case other:
                raise AssertionError(f"nobody knows how to read a {other!r}")


@contextmanager
def watched_stack(folder: Path, files: Files) -> Iterator[WatchedStack]:
    """Valkey, the cache, local-llm and the router, which ends first.

    Args:
        folder: Where they write; stays.
    """
    with ExitStack() as stack:
        collector = stack.enter_context(collecting())
        # A socket's path must be short.
        valkey = ValkeyProcess(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(valkey.kill)
        _demand(valkey, files.valkey_password)
        urls = _private(folder / "valkey-url", f"{valkey.url}?password={files.valkey_password}")
        token = _private(folder / "service-token", files.service_token)
        ports = [f"127.0.0.1:{port}" for port in free_ports(7)]
        metrics = dict(zip(("router", "cache", "local-llm"), ports, strict=False))
        cache, front, admin, http = ports[3:]
        common = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }

        def settings(service: str, **special: str) -> dict[str, str]:
            given = {
                "log__level": "debug",
                "log__form": "json",
                "service_token_file": str(token),
                "metrics_address": metrics[service],
                **special,
            }
            prefix = f"FAILSOFT_{service.replace('-', '_').upper()}_"
            return {**common, **{f"{prefix}{name.upper()}": text for name, text in given.items()}}

        cache_process = stack.enter_context(
            process(
                ["-m", "failsoft_cache"],
                folder=folder,
                variables=settings(
                    "cache",
                    address=cache,
                    data_dir=str(folder / "cache"),
                    valkey_url_file=str(urls),
                ),
            )
        )
        local = stack.enter_context(local_llm(folder, environ=settings("local-llm")))
        policy = folder / "policy.yaml"
        policy.write_text(yaml.safe_dump(_with_local(files.policy, local.address)))
        local.wait_until_serving()
        wait_until_serving(cache, _CACHE)
        router_process = stack.enter_context(
            process(
                ["-m", "failsoft_router"],
                folder=folder,
                variables=settings(
                    "router",
                    address=front,
                    admin_address=admin,
                    http_address=http,
                    policy_file=str(policy),
                    cache_address=cache,
                    explain__valkey_url_file=str(urls),
                    **files.identity,
                ),
            )
        )
        wait_until_serving(admin, _ADMIN)
        running = WatchedStack(
            folder=folder,
            collector=collector,
            valkey=valkey,
            address=front,
            admin_address=admin,
            base_url=f"http://{http}/v1",
            metrics=metrics,
            processes={
                "router": psutil.Process(router_process.pid),
                "cache": psutil.Process(cache_process.pid),
                "local-llm": local.process,
            },
        )
        yield running


def _with_local(
    policy: Mapping[str, Mapping[str, object]], address: str
) -> Mapping[str, Mapping[str, object]]:
    local = {"provider": "failsoft", "model": "smollm2-135m-instruct", "endpoint": address}
    return {**policy, "targets": {**policy["targets"], "local": local}}


def _demand(valkey: ValkeyProcess, password: str) -> None:
    """Let nobody in without the password from now on."""
    valkey.client.config_set("requirepass", password)
    valkey.client = redis.Redis(unix_socket_path=str(valkey.socket), protocol=2, password=password)


def _private(file: Path, content: str) -> Path:
    """A file with that, which is read by its owner alone."""
    file.touch(mode=0o600)
    file.write_text(content)
    return file


def _page(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10.0) as reply:  # noqa: S310 - a loopback address
        return bytes(reply.read())
