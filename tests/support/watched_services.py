"""Every service as a process of its own that tells metrics, and the ways to break each."""

import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import psutil
import yaml
from local_llm_process import LocalLlm, local_llm
from lookalike_process import LookAlike, lookalike
from processes import free_ports, process, wait_until_serving
from refusing_collector import RefusingCollector, refusing_collector
from router_under_test import chat
from valkey_process import ValkeyProcess

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub

MAX_CALLS = 4
"""Of the router, which one caller at a time does not notice."""
_INFERENCE = "failsoft.inference.v1.InferenceService"
_CACHE = "failsoft.cache.v1.CacheService"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All of them, whole at first.

    Attributes:
        metrics_addresses: Where each is scraped, by the name of its job.
        cloud: The only target of the router, which has a mock on one route and nobody on `bare`.
    """

    metrics_addresses: Mapping[str, str]
    stub: "InferenceServiceStub"
    router: psutil.Process
    cloud: LookAlike
    local_llm: LocalLlm
    valkey: ValkeyProcess
    collector: RefusingCollector
    key_file: Path

    def ask(self, route: str = "chat") -> None:
        """One question; it may get an answer or none."""
        with suppress(grpc.RpcError):
            self.stub.Generate(pb.GenerateRequest(chat=chat("What is soft?", model=route)))

    def ask_more_than_may_run(self) -> None:
        """As many questions at once as are twice its room, and none of them to its end."""
        request = pb.GenerateRequest(chat=chat("What is soft?"))
        calls = [self.stub.Generate.future(request) for _ in range(2 * MAX_CALLS)]
        any(not _runs(call) for call in calls)
        for call in calls:
            call.cancel()

    @contextmanager
    def frozen_router(self) -> Iterator[None]:
        """It stands still inside the block, as on a machine that hangs."""
        self.router.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.router.send_signal(signal.SIGCONT)

    def replace_key(self) -> None:
        """The target gets a key that nobody has refused yet."""
        _write_key(self.key_file)

    def kill_engine(self) -> None:
        """The local model's, if it has one just now."""
        engine = self.local_llm.engine()
        if engine is not None:
            engine.kill()


@contextmanager
def services(folder: Path, *, valkey: ValkeyProcess) -> Iterator[Services]:
    """All of them, ready, until the end of the block."""
    address, admin_address, cache_address, *metrics = (
        f"127.0.0.1:{port}" for port in free_ports(6)
    )
    of_router, of_cache, of_local_llm = metrics
    key_file = folder / "key"
    _write_key(key_file)
    policy = folder / "policy.yaml"
    with ExitStack() as stack:
        cloud = stack.enter_context(lookalike())
        collector = stack.enter_context(refusing_collector())
        policy.write_text(yaml.safe_dump(_policy(cloud, key_file)))
        router = stack.enter_context(
            process(
                ["-m", "failsoft_router"],
                folder=folder,
                variables={
                    "FAILSOFT_ROUTER_ADDRESS": address,
                    "FAILSOFT_ROUTER_ADMIN_ADDRESS": admin_address,
                    "FAILSOFT_ROUTER_METRICS_ADDRESS": of_router,
                    "FAILSOFT_ROUTER_POLICY_FILE": str(policy),
                    "FAILSOFT_ROUTER_MAX_CALLS": str(MAX_CALLS),
                    "FAILSOFT_ROUTER_DRAIN": "1s",
                    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.endpoint,
                },
            )
        )
        stack.enter_context(
            process(
                ["-m", "failsoft_cache"],
                folder=folder,
                variables={
                    "FAILSOFT_CACHE_ADDRESS": cache_address,
                    "FAILSOFT_CACHE_METRICS_ADDRESS": of_cache,
                    "FAILSOFT_CACHE_VALKEY_URL": valkey.url,
                    "FAILSOFT_CACHE_DATA_DIR": str(folder / "cache"),
                    "FAILSOFT_CACHE_DRAIN": "1s",
                },
            )
        )
        model = stack.enter_context(
            local_llm(folder, metrics_address=of_local_llm, warm_up_tokens="0")
        )
        wait_until_serving(address, _INFERENCE)
        wait_until_serving(cache_address, _CACHE)
        model.wait_until_serving()
        channel = stack.enter_context(grpc.insecure_channel(address))
        yield Services(
            metrics_addresses={
                "failsoft-router": of_router,
                "failsoft-cache": of_cache,
                "failsoft-local-llm": of_local_llm,
            },
            stub=pb_grpc.InferenceServiceStub(channel),
            router=psutil.Process(router.pid),
            cloud=cloud,
            local_llm=model,
            valkey=valkey,
            collector=collector,
            key_file=key_file,
        )


def _policy(cloud: LookAlike, key_file: Path) -> dict[str, object]:
    return {
        "targets": {
            "cloud": {
                "provider": "openai",
                "model": "gpt-5-mini",
                "endpoint": cloud.base_url,
                "allow_private": True,
                "attempts": 1,
                "credential": {"file": str(key_file)},
                "breaker": {"consecutive_failures": 2, "open_for": "1s", "open_cap": "1s"},
            }
        },
        "routes": {
            "chat": {"default": True, "hops": ["cloud", "mock"]},
            "bare": {"hops": ["cloud"]},
        },
        "tenants": {"default": {"allow_mock": True}},
    }


def _write_key(file: Path) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(uuid.uuid4().hex)
    draft.replace(file)


def _runs(call: "grpc.Future[pb.GenerateResponse]") -> bool:
    """Whether it was let in: who was not is told at once."""
    try:
        call.exception(timeout=0.5)
    except grpc.FutureTimeoutError:
        return True
    return False
