"""Which models may be served, and in which order."""

from collections.abc import Callable
from pathlib import Path

import pytest

from failsoft_kit.startup import StartupError
from failsoft_local_llm.adapters.model_file import bundled_model
from failsoft_local_llm.candidates import candidates
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.profile.choice import (
    Choice,
    DType,
    Profile,
    Refusal,
    Rejected,
    Wish,
)
from failsoft_local_llm.core.profile.facts import EngineKind
from failsoft_local_llm.ports import EngineDied
from failsoft_local_llm.settings import LocalLlmSettings

SMALL = "smollm2-135m-instruct"
BIG = "llama-3.1-8b-instruct"
NO_GPU = "no NVIDIA GPU can be used"

Decide = Callable[[Wish], Choice | Refusal]


def choice(model: str, profile: Profile, *, degraded: bool = False) -> Choice:
    primary = profile is Profile.PRIMARY
    return Choice(
        profile=profile,
        degraded=degraded,
        engine=EngineKind.VLLM if primary else EngineKind.OPENVINO,
        weights=CATALOGUE.named(model)[0],
        present=not primary,
        dtype=DType.BF16,
        context_tokens=1024,
        max_sequences=3,
        kv_bytes=64 << 20,
        threads=2,
        gpus=("GPU-0",) if primary else (),
        gpu_memory_share=0.9 if primary else None,
        reasons=(),
        rejected=(Rejected(name="primary", why=NO_GPU),) if degraded else (),
    )


def settings(**changes: object) -> LocalLlmSettings:
    return LocalLlmSettings.model_validate({"address": "127.0.0.1:0", "drain": 0.0, **changes})


def with_gpu(wish: Wish) -> Choice:
    if wish.profile is Profile.MINIMAL:
        return choice(SMALL, Profile.MINIMAL)
    return choice(BIG, Profile.PRIMARY)


def without_gpu(wish: Wish) -> Choice:
    degraded = wish.profile is Profile.PRIMARY or wish.model is not None
    return choice(SMALL, Profile.MINIMAL, degraded=degraded)


def unasked(_wish: Wish) -> Choice:
    raise AssertionError("the settings have left nothing to decide")


async def test_where_nothing_is_set_the_model_that_fits_is_served_as_it_fits() -> None:
    [only] = candidates(settings(), decide=without_gpu)
    opened = await only.open()

    assert (only.name, only.profile, only.engine) == (SMALL, "minimal", "openvino")
    assert only.why.startswith("profile minimal: smollm2-135m-instruct-q4 in bfloat16")
    assert (opened.model.name, opened.model.context_tokens) == (SMALL, 1024)
    assert opened.max_sequences == 3


async def test_behind_the_big_model_stands_the_small_one_under_its_own_name() -> None:
    """A reply must not say that the one has answered when it was the other."""
    big, small = candidates(settings(model="house-llama"), decide=with_gpu)

    assert (big.name, big.profile, big.engine) == ("house-llama", "primary", "vllm")
    assert (small.name, small.profile) == (SMALL, "minimal")
    assert (await small.open()).model.name == SMALL
    with pytest.raises(EngineDied):
        await big.open()


async def test_what_was_asked_for_by_name_is_looked_for_again_and_again() -> None:
    big, small = candidates(settings(wanted_model=BIG), decide=without_gpu)

    assert (big.name, small.name) == (BIG, SMALL)
    with pytest.raises(EngineDied, match=NO_GPU):
        await big.open()


async def test_a_model_is_loaded_again_by_its_own_weights() -> None:
    """Who asks for its name must not get another one since memory has become scarce."""
    wishes: list[Wish] = []

    def decide(wish: Wish) -> Choice:
        wishes.append(wish)
        return with_gpu(wish)

    big, _ = candidates(settings(), decide=decide)
    with pytest.raises(EngineDied):
        await big.open()

    assert [wish.model for wish in wishes] == [None, None, CATALOGUE.named(BIG)[0].name]


@pytest.mark.parametrize("decide", [with_gpu, without_gpu])
async def test_who_wants_no_fallback_gets_none(decide: Decide) -> None:
    [only] = candidates(settings(wanted_model=BIG, fallback=False), decide=decide)

    assert only.name == BIG


async def test_a_machine_for_no_model_at_all_is_told_what_it_lacks() -> None:
    def decide(_wish: Wish) -> Refusal:
        return Refusal(sentence="no model fits this machine", rejected=())

    with pytest.raises(StartupError, match="no model fits"):
        candidates(settings(), decide=decide)


@pytest.mark.parametrize(
    "named", [{"model_file": bundled_model()}, {"engine": "openvino"}], ids=["file", "engine"]
)
async def test_files_that_are_named_are_served_and_nothing_is_decided(
    named: dict[str, Path | str],
) -> None:
    [only] = candidates(settings(**named), decide=unasked)

    assert (await only.open()).max_sequences == 8
    assert only.why == ""


async def test_a_directory_is_a_model_for_vllm(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"failsoft-local-llm\[vllm\]"):
        candidates(settings(model_directory=tmp_path), decide=unasked)
