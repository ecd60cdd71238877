"""Which models are measured, and what is said of the others."""

from failsoft_cli.bench.tiers import tiers
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.profile.choice import Profile
from failsoft_local_llm.core.profile.facts import (
    Cpu,
    EngineKind,
    Gpu,
    Gpus,
    Machine,
    Memory,
    Storage,
)

GIB = 1 << 30
SMALL = "smollm2-135m-instruct-q4"
LLAMA_8B = "llama-3.1-8b-instruct-fp8"
LLAMA_1B = "llama-3.2-1b-instruct-unsloth"


def machine(*complete: str, gpu_gib: int = 0, memory_gib: int = 64) -> Machine:
    """One with these models and both engines, and perhaps a GPU."""
    gpu = Gpu(
        name="A GPU",
        uuid="GPU-0",
        capability=(8, 9),
        total_bytes=gpu_gib * GIB,
        free_bytes=gpu_gib * GIB,
    )
    found = Gpus(found=(gpu,), driver="580.65.06", cuda=(13, 0))
    return Machine(
        system="Linux",
        cpu=Cpu(model="A CPU", machine="x86_64", flags=frozenset(), cores=8, installed=8),
        memory=Memory(total_bytes=memory_gib * GIB, free_bytes=memory_gib * GIB, limited=False),
        gpus=found if gpu_gib else Gpus(note="the NVIDIA driver is not installed"),
        storage=Storage(directory="/models", free_bytes=500 * GIB, complete=frozenset(complete)),
        engines=frozenset(EngineKind),
    )


def test_without_a_gpu_the_small_model_is_measured_as_its_profile_runs_it() -> None:
    measurable, unmeasured = tiers(machine(SMALL), CATALOGUE)

    assert [(each.name, each.profile, each.named) for each in measurable] == [
        (SMALL, Profile.MINIMAL, False)
    ]
    assert [each.name for each in unmeasured] == ["primary"]
    assert "no NVIDIA GPU can be used" in unmeasured[0].why


def test_with_a_gpu_every_fetched_model_is_measured_the_profiles_choices_first() -> None:
    measurable, _ = tiers(machine(SMALL, LLAMA_8B, LLAMA_1B, gpu_gib=24), CATALOGUE)

    assert [(each.name, each.named) for each in measurable] == [
        (LLAMA_8B, False),
        (SMALL, False),
        (LLAMA_1B, True),
    ]


def test_a_model_that_would_fit_and_was_not_fetched_is_named_with_the_command_that_fetches_it() -> (
    None
):
    _, unmeasured = tiers(machine(SMALL, gpu_gib=24), CATALOGUE)

    whys = {each.name: each.why for each in unmeasured}
    assert f"failsoft-local-llm preload {LLAMA_8B} --to /models" in whys[LLAMA_8B]
    assert "llama-3.3-70b-instruct-unsloth" not in whys


def test_a_model_that_was_asked_for_and_cannot_run_here_says_why() -> None:
    only = CATALOGUE.named(LLAMA_8B)

    measurable, unmeasured = tiers(machine(SMALL), CATALOGUE, only=only)

    assert not measurable
    assert [each.name for each in unmeasured] == [LLAMA_8B]
    assert "no NVIDIA GPU can be used" in unmeasured[0].why


def test_only_what_was_asked_for_is_measured() -> None:
    measurable, unmeasured = tiers(
        machine(SMALL, LLAMA_8B, gpu_gib=24), CATALOGUE, only=CATALOGUE.named(SMALL)
    )

    assert [each.name for each in measurable] == [SMALL]
    assert not unmeasured


def test_where_nothing_fits_both_profiles_say_why() -> None:
    measurable, unmeasured = tiers(machine(SMALL, memory_gib=0), CATALOGUE)

    assert not measurable
    assert [each.name for each in unmeasured] == ["primary", "minimal"]
    assert all("no model fits this machine" in each.why for each in unmeasured)
