"""Which engine the settings mean, and what they cannot mean."""

import importlib.util
import json
from pathlib import Path

import pytest

from failsoft_kit.clock import LoopClock
from failsoft_kit.rpc.server import Service
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry import Telemetry, Tracer
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.settings import LocalLlmSettings
from failsoft_local_llm.wiring import build


def built(settings: LocalLlmSettings) -> Service:
    clock = LoopClock()
    return build(settings, clock=clock, telemetry=Telemetry(tracer=Tracer(clock=clock)))


def vllm(directory: Path | None, *, tool_parser: str | None = None) -> LocalLlmSettings:
    return LocalLlmSettings(
        engine=EngineKind.VLLM,
        model_directory=directory,
        tool_parser=tool_parser,
        address="127.0.0.1:0",
        drain=0.0,
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A model whose template tells it of no tools."""
    contents: dict[str, object] = {
        "config.json": {"model_type": "llama", "max_position_embeddings": 64, "eos_token_id": 1},
        "tokenizer.json": {"model": {"type": "BPE", "vocab": {"a": 0}}, "added_tokens": []},
        "tokenizer_config.json": {"chat_template": "{{ messages }}"},
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "model.safetensors").write_bytes(len(b"{}").to_bytes(8, "little") + b"{}")
    return tmp_path


@pytest.fixture
def vllm_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec("failsoft_local_llm")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: found)


async def test_an_engine_that_is_not_installed_is_named_with_what_installs_it(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(StartupError, match=r"failsoft-local-llm\[vllm\]"):
        built(vllm(directory))


@pytest.mark.usefixtures("vllm_is_installed")
async def test_vllm_without_a_model_is_refused_with_the_setting() -> None:
    with pytest.raises(StartupError, match="FAILSOFT_LOCAL_LLM_MODEL_DIRECTORY"):
        built(vllm(None))


@pytest.mark.usefixtures("vllm_is_installed")
async def test_tools_for_a_model_that_is_never_told_of_them_are_refused(directory: Path) -> None:
    """It would be asked for calls that it cannot make."""
    with pytest.raises(StartupError, match="tool_parser"):
        built(vllm(directory, tool_parser="hermes"))


@pytest.mark.usefixtures("vllm_is_installed")
async def test_vllm_is_built_without_being_imported(directory: Path) -> None:
    assert built(vllm(directory)).background


@pytest.mark.usefixtures("vllm_is_installed")
async def test_an_adapter_of_the_models_own_name_is_refused(directory: Path) -> None:
    settings = vllm(directory).model_copy(update={"adapters": {"smollm2-135m-instruct": directory}})

    with pytest.raises(StartupError, match="rename it"):
        built(settings)
