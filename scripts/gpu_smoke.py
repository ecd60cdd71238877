"""Try a model of your own on this machine's GPU, through the whole service, and print what it does.

    .venv/bin/python scripts/gpu_smoke.py MODEL [--tokens N] [--cpu]

MODEL is a directory as the Hugging Face hub lays it out, or a model of the catalogue that
`failsoft-local-llm preload` has fetched. --cpu tries this script itself, with vLLM's CPU build.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceStub
from failsoft_kit.rpc.channel import open_channel
from failsoft_local_llm.adapters.hardware.nvml import load_nvml, read_gpus

if TYPE_CHECKING:
    from failsoft.inference.v1.inference_service_pb2_grpc import InferenceServiceAsyncStub

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
SERVICE = "failsoft.inference.v1.InferenceService"
START_SECONDS = 1800
STREAMS = (1, 8, 64)
FORM_TOKENS = 128
PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
    "required": ["city", "country"],
    "additionalProperties": False,
}
QUESTION = "Tell me a long story about a ship and its crew."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", help="a directory, or a model of the catalogue")
    parser.add_argument("--cpu", action="store_true", help="try this script itself, without a GPU")
    parser.add_argument("--tokens", type=int, default=128, help="in each answer (128)")
    arguments = parser.parse_args()
    if (obstacle := missing(cpu=arguments.cpu)) is not None:
        print(f"gpu-smoke: {obstacle}", file=sys.stderr)
        return 2
    return asyncio.run(smoke(arguments.model, tokens=arguments.tokens, cpu=arguments.cpu))


def missing(*, cpu: bool) -> str | None:
    """What is not there that it needs; None: all is."""
    if not cpu:
        gpus = read_gpus(load_nvml(), visible=os.environ.get("CUDA_VISIBLE_DEVICES"))
        if not gpus.found:
            return f"it needs an NVIDIA GPU, and none can be used here: {gpus.note}"
        for gpu in gpus.found:
            print(f"{gpu.name}, {gpu.free_bytes >> 20} of {gpu.total_bytes >> 20} MiB free")
    if not PYTHON.exists():
        return "vLLM is not installed: run `make setup-vllm`"
    return None


async def smoke(model: str, *, tokens: int, cpu: bool) -> int:
    """Starts the service with the model, asks it for everything, and prints a line for each."""
    began = time.perf_counter()
    with served(settings_for(model, cpu=cpu)) as service:
        if not await service.answers():
            print(f"the model was not loaded; the service's last words:\n{service.last_words()}")
            return 1
        print(f"loaded, and a first question answered, after {time.perf_counter() - began:.1f} s")
        async with open_channel(service.address) as channel:
            stub = InferenceServiceStub(channel)
            await print_status(stub)
            for streams in STREAMS:
                await print_speed(stub, streams, tokens=tokens)
            await print_abort(stub)
            return 0 if await print_form(stub) else 1


def settings_for(model: str, *, cpu: bool) -> Mapping[str, str]:
    """What the service is told, as environment variables."""
    settings = {"FALLBACK": "false", "START": f"{START_SECONDS}s", "MAX_WAITING": "64"}
    if Path(model).is_dir():
        settings |= {"MODEL_DIRECTORY": str(Path(model).absolute()), "MODEL": Path(model).name}
        settings |= {"MAX_SEQUENCES": str(max(STREAMS))}
    else:
        settings |= {"PROFILE": "primary", "WANTED_MODEL": model}
    if cpu:
        settings |= {"KV_CACHE_MIB": "256", "CONTEXT_TOKENS": "2048"}
    return {f"FAILSOFT_LOCAL_LLM_{name}": value for name, value in settings.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service while it runs."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    async def answers(self) -> bool:
        """Returns when the model answers, or when the process has ended without that."""
        async with open_channel(self.address) as channel:
            while self.process.poll() is None:
                try:
                    if await self._serving(channel):
                        return True
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.2)
        return False

    async def _serving(self, channel: grpc.aio.Channel) -> bool:
        health: Any = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=START_SECONDS)
        async for reply in watch:
            if reply.status == health_pb2.HealthCheckResponse.SERVING:
                return True
        return False

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])


@contextmanager
def served(variables: Mapping[str, str]) -> Iterator[Service]:
    """The service, loading its model; it is stopped with the block."""
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="gpu-smoke-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [PYTHON, "-m", "failsoft_local_llm"],
                env={**os.environ, **variables, "FAILSOFT_LOCAL_LLM_ADDRESS": address},
                stdin=subprocess.DEVNULL,
                stderr=output,
            )
        try:
            yield Service(process=process, address=address, log=log)
        finally:
            process.terminate()
            process.wait()


async def print_status(stub: "InferenceServiceAsyncStub") -> None:
    [model, *_] = (await stub.ListModels(pb.ListModelsRequest())).models
    print(f"{model.id}, context {model.context_tokens} tokens: {model.status.why}")


async def print_speed(stub: "InferenceServiceAsyncStub", streams: int, *, tokens: int) -> None:
    began = time.perf_counter()
    answers = await asyncio.gather(*(timed(stub, tokens) for _ in range(streams)))
    took = time.perf_counter() - began
    first = sorted(seconds for seconds, _ in answers)[len(answers) // 2]
    said = sum(count for _, count in answers)
    print(f"{streams:3} streams: {said / took:8.1f} tokens/s, first token after {first:.3f} s")


async def timed(stub: "InferenceServiceAsyncStub", most: int) -> tuple[float, int]:
    """Seconds until the first text of an answer, and how many tokens it had, at most so many."""
    began, first, tokens = time.perf_counter(), 0.0, 0
    request = pb.StreamGenerateRequest(chat=chat(QUESTION, max_tokens=most))
    async for event in stub.StreamGenerate(request):
        if event.HasField("delta") and not first:
            first = time.perf_counter() - began
        if event.HasField("finished"):
            tokens = event.finished.usage.output_tokens
    return first, tokens


async def print_abort(stub: "InferenceServiceAsyncStub") -> None:
    call = stub.StreamGenerate(pb.StreamGenerateRequest(chat=chat(QUESTION, max_tokens=4096)))
    async for event in call:
        if event.HasField("delta"):
            break
    call.cancel()
    began = time.perf_counter()
    while await running(stub):
        pass
    print(f"a cancelled request has left the engine after {time.perf_counter() - began:.3f} s")


async def running(stub: "InferenceServiceAsyncStub") -> int:
    [model, *_] = (await stub.ListModels(pb.ListModelsRequest())).models
    return model.status.load.running


async def print_form(stub: "InferenceServiceAsyncStub") -> bool:
    """Whether an answer is what a schema wants."""
    request = chat("Where is the Eiffel Tower? Answer in JSON.")
    request.response_format.kind = chat_pb2.RESPONSE_FORMAT_KIND_JSON_SCHEMA
    request.response_format.name = "place"
    request.response_format.schema_json = json.dumps(PLACE)
    began = time.perf_counter()
    response = await stub.Generate(pb.GenerateRequest(chat=request))
    text = "".join(part.text for part in response.choices[0].message.parts)
    took = time.perf_counter() - began
    try:
        matches: bool = json.loads(text).keys() == {"city", "country"}
    except ValueError:
        matches = False
    verdict = "as the schema wants" if matches else "NOT what the schema wants"
    print(f"structured output after {took:.3f} s, {verdict}: {text}")
    return matches


def chat(text: str, *, max_tokens: int = FORM_TOKENS) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(
        messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text=text)])],
        sampling=chat_pb2.Sampling(temperature=0.8, max_tokens=max_tokens),
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
