"""What is chosen on machines that exist, with the catalogue that Failsoft comes with."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.profile.choice import Choice, DType, Profile, Refusal, Wish
from failsoft_local_llm.core.profile.choose import choose
from failsoft_local_llm.core.profile.facts import EngineKind, Gpu, Machine

Make = Callable[..., Machine]
MakeGpu = Callable[..., Gpu]

MIB = 1 << 20
GIB = 1 << 30
OPENVINO_ONLY = frozenset({EngineKind.OPENVINO})
SMALL = "smollm2-135m-instruct-q4"
LLAMA_8B = "llama-3.1-8b-instruct"
LLAMA_3B = "llama-3.2-3b-instruct"
LLAMA_70B = "llama-3.3-70b-instruct"

# Memory in MiB as nvidia-smi names it, compute capability.
GTX_1650 = ("NVIDIA GeForce GTX 1650", 4096, (7, 5))
RTX_4050_LAPTOP = ("NVIDIA GeForce RTX 4050 Laptop GPU", 6141, (8, 9))
RTX_4060 = ("NVIDIA GeForce RTX 4060", 8188, (8, 9))
RTX_3060 = ("NVIDIA GeForce RTX 3060", 12288, (8, 6))
T4 = ("Tesla T4", 15360, (7, 5))
V100 = ("Tesla V100-SXM2-16GB", 16384, (7, 0))
RTX_4080 = ("NVIDIA GeForce RTX 4080", 16376, (8, 9))
A10G = ("NVIDIA A10G", 23028, (8, 6))
L4 = ("NVIDIA L4", 23034, (8, 9))
RTX_4090 = ("NVIDIA GeForce RTX 4090", 24564, (8, 9))
A100_40 = ("NVIDIA A100-SXM4-40GB", 40960, (8, 0))
L40S = ("NVIDIA L40S", 46068, (8, 9))
A100_80 = ("NVIDIA A100-SXM4-80GB", 81920, (8, 0))
H100 = ("NVIDIA H100 80GB HBM3", 81559, (9, 0))
H200 = ("NVIDIA H200", 143771, (9, 0))


@pytest.mark.parametrize(
    ("kind", "count", "weights", "dtype", "gpus", "context", "sequences"),
    [
        (RTX_4050_LAPTOP, 1, f"{LLAMA_3B}-awq", DType.BF16, 1, 8192, 18),
        (RTX_4060, 1, f"{LLAMA_3B}-fp8", DType.BF16, 1, 8192, 23),
        (RTX_3060, 1, f"{LLAMA_8B}-awq", DType.BF16, 1, 16384, 34),
        (T4, 1, f"{LLAMA_8B}-fp8", DType.FP16, 1, 16384, 32),
        (T4, 4, f"{LLAMA_70B}-awq", DType.FP16, 4, 16384, 40),
        (RTX_4080, 1, f"{LLAMA_8B}-fp8", DType.BF16, 1, 16384, 39),
        (A10G, 1, f"{LLAMA_8B}-bf16", DType.BF16, 1, 16384, 35),
        (L4, 1, f"{LLAMA_8B}-bf16", DType.BF16, 1, 16384, 35),
        (L4, 4, f"{LLAMA_70B}-awq", DType.BF16, 4, 65536, 130),
        (RTX_4090, 1, f"{LLAMA_8B}-bf16", DType.BF16, 1, 16384, 47),
        (RTX_4090, 2, f"{LLAMA_8B}-bf16", DType.BF16, 1, 16384, 47),
        (A100_40, 1, f"{LLAMA_8B}-bf16", DType.BF16, 1, 65536, 166),
        (A100_40, 2, f"{LLAMA_70B}-awq", DType.BF16, 2, 32768, 110),
        (L40S, 1, f"{LLAMA_8B}-bf16", DType.BF16, 1, 65536, 203),
        (A100_80, 1, f"{LLAMA_70B}-awq", DType.BF16, 1, 32768, 114),
        (H100, 1, f"{LLAMA_70B}-awq", DType.BF16, 1, 32768, 113),
        (H100, 2, f"{LLAMA_70B}-fp8", DType.BF16, 2, 65536, 248),
        (H100, 4, f"{LLAMA_70B}-bf16", DType.BF16, 4, 131072, 256),
        (H100, 8, f"{LLAMA_70B}-bf16", DType.BF16, 4, 131072, 256),
        (H200, 1, f"{LLAMA_70B}-fp8", DType.BF16, 1, 65536, 196),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_gpus_get_the_biggest_llama_that_leaves_room_for_conversations(
    make_machine: Make,
    make_gpu: MakeGpu,
    kind: tuple[str, int, tuple[int, int]],
    count: int,
    weights: str,
    dtype: DType,
    gpus: int,
    context: int,
    sequences: int,
) -> None:
    name, mib, capability = kind
    found = [make_gpu(name, mib=mib, capability=capability, number=i) for i in range(count)]

    choice = chosen(make_machine(*found))

    assert choice.profile is Profile.PRIMARY
    assert choice.engine is EngineKind.VLLM
    assert choice.weights.name == weights
    assert choice.dtype is dtype
    assert choice.tensor_parallel == gpus
    assert (choice.context_tokens, choice.max_sequences) == (context, sequences)
    assert not choice.degraded


@pytest.mark.parametrize(
    ("memory", "cores", "flags", "dtype", "threads", "context", "sequences"),
    [
        (950 * MIB, 1, {"avx2"}, DType.FP32, 1, 4096, 8),
        (1900 * MIB, 2, {"avx2"}, DType.FP32, 2, 8192, 8),
        (2900 * MIB, 2, {"avx2"}, DType.FP32, 2, 8192, 8),
        (6 * GIB, 2, {"avx2", "avx512f"}, DType.FP32, 2, 8192, 8),
        (14 * GIB, 4, {"avx2", "avx512f", "avx512_bf16"}, DType.BF16, 4, 8192, 8),
        (60 * GIB, 16, {"avx2"}, DType.FP32, 8, 8192, 8),
        (250 * GIB, 64, {"avx512f", "amx_bf16", "amx_int8"}, DType.BF16, 8, 8192, 8),
    ],
    ids=["1 GiB", "2 GiB", "3 GiB", "2 cores", "4 cores", "16 cores", "64 cores with AMX"],
)
def test_without_a_gpu_the_small_model_runs_next_to_other_things(
    make_machine: Make,
    memory: int,
    cores: int,
    flags: set[str],
    dtype: DType,
    threads: int,
    context: int,
    sequences: int,
) -> None:
    choice = chosen(
        make_machine(
            memory=memory, cores=cores, flags=frozenset(flags), engines=OPENVINO_ONLY, disk=0
        )
    )

    assert (choice.profile, choice.engine) == (Profile.MINIMAL, EngineKind.OPENVINO)
    assert choice.weights.name == SMALL
    assert choice.present
    assert not choice.degraded
    assert (choice.dtype, choice.threads) == (dtype, threads)
    assert (choice.context_tokens, choice.max_sequences) == (context, sequences)


def test_a_mac_calculates_in_fp16(make_machine: Make) -> None:
    choice = chosen(make_machine(system="Darwin", arch="arm64", memory=8 * GIB, cores=8))

    assert (choice.weights.name, choice.dtype) == (SMALL, DType.FP16)


@pytest.mark.parametrize(
    ("kind", "changes", "missing"),
    [
        (GTX_1650, {}, "KV cache"),
        (V100, {}, "compute capability 7.5"),
        (A10G, {"cuda": (12, 4)}, "driver 580"),
        (H100, {"memory": 3 * GIB}, "memory beside the GPU"),
        (L4, {"engines": OPENVINO_ONLY}, "failsoft-local-llm[vllm]"),
        (L4, {"disk": 0}, "bigger volume"),
    ],
    ids=["4 GB", "old GPU", "old driver", "3 GiB container", "no vLLM", "full disk"],
)
def test_a_gpu_that_cannot_be_used_leaves_the_small_model_and_says_what_is_missing(
    make_machine: Make,
    make_gpu: MakeGpu,
    kind: tuple[str, int, tuple[int, int]],
    changes: dict[str, object],
    missing: str,
) -> None:
    name, mib, capability = kind
    machine = make_machine(make_gpu(name, mib=mib, capability=capability), **changes)

    choice = chosen(machine)

    assert choice.weights.name == SMALL
    assert any(missing in each.why for each in choice.rejected)


def test_a_busy_gpu_gets_what_fits_into_the_rest(make_machine: Make, make_gpu: MakeGpu) -> None:
    busy = make_gpu("NVIDIA GeForce RTX 4090", mib=24564, capability=(8, 9), free=0.2)

    choice = chosen(make_machine(busy))

    assert choice.weights.name == f"{LLAMA_3B}-awq"
    assert choice.gpu_memory_share is not None
    assert choice.gpu_memory_share <= 0.2


def test_of_two_equal_gpus_the_freer_one_is_taken(make_machine: Make, make_gpu: MakeGpu) -> None:
    busy = make_gpu("NVIDIA L4", mib=23034, capability=(8, 9), number=0, free=0.1)
    free = make_gpu("NVIDIA L4", mib=23034, capability=(8, 9), number=1)

    assert chosen(make_machine(busy, free)).gpus == (free.uuid,)


def test_a_model_is_not_cut_over_mig_slices(make_machine: Make, make_gpu: MakeGpu) -> None:
    """NCCL does not work between slices."""
    slices = [
        make_gpu("A100 MIG 2g.10gb", mib=9728, capability=(8, 0), number=i, mig=True)
        for i in range(8)
    ]

    choice = chosen(make_machine(*slices))

    assert choice.weights.name == f"{LLAMA_8B}-awq"
    assert choice.tensor_parallel == 1


def test_a_model_is_not_cut_over_different_gpus(make_machine: Make, make_gpu: MakeGpu) -> None:
    choice = chosen(
        make_machine(
            make_gpu("NVIDIA L40S", mib=46068, capability=(8, 9), number=0),
            make_gpu("NVIDIA A100-SXM4-40GB", mib=40960, capability=(8, 0), number=1),
        )
    )

    assert choice.weights.name == f"{LLAMA_8B}-bf16"


def test_what_is_on_the_machine_goes_before_what_must_be_fetched(
    make_machine: Make, make_gpu: MakeGpu
) -> None:
    """Nothing is fetched at run time."""
    here = frozenset({f"{LLAMA_8B}-awq", SMALL})
    machine = make_machine(make_gpu("L4", mib=23034, capability=(8, 9)), complete=here, disk=0)

    choice = chosen(machine)

    assert choice.present
    assert choice.weights.name == f"{LLAMA_8B}-awq"


def test_better_weights_that_are_only_not_here_are_named(
    make_machine: Make, make_gpu: MakeGpu
) -> None:
    here = frozenset({f"{LLAMA_8B}-awq"})
    machine = make_machine(make_gpu("L4", mib=23034, capability=(8, 9)), complete=here)

    assert any(f"{LLAMA_8B}-bf16 is better" in why for why in chosen(machine).reasons)


def test_what_must_be_fetched_is_named_with_its_command_and_its_licence(
    make_machine: Make, make_gpu: MakeGpu
) -> None:
    reasons = chosen(make_machine(make_gpu("L4", mib=23034, capability=(8, 9)))).reasons

    assert any(f"preload {LLAMA_8B}-bf16 --to /models" in why for why in reasons)
    assert any("huggingface.co/meta-llama" in why and "-unsloth" in why for why in reasons)


@pytest.mark.parametrize("memory", [512 * MIB, 0])
def test_a_machine_that_is_too_small_for_everything_is_told_what_it_lacks(
    make_machine: Make, memory: int
) -> None:
    refusal = choose(make_machine(memory=memory), CATALOGUE, Wish())

    assert isinstance(refusal, Refusal)
    assert "652 MiB" in refusal.sentence
    assert "memory limit" in refusal.sentence


def test_a_machine_without_an_engine_is_told_which_to_install(make_machine: Make) -> None:
    refusal = choose(make_machine(engines=frozenset()), CATALOGUE, Wish())

    assert isinstance(refusal, Refusal)
    assert "failsoft-local-llm[openvino]" in refusal.sentence


class TestWishes:
    """What the operator sets."""

    def test_minimal_leaves_the_gpu_alone(self, make_machine: Make, make_gpu: MakeGpu) -> None:
        machine = make_machine(make_gpu("H100", mib=81559, capability=(9, 0)))

        choice = chosen(machine, Wish(profile=Profile.MINIMAL))

        assert (choice.weights.name, choice.gpus) == (SMALL, ())
        assert not choice.degraded

    def test_primary_without_a_gpu_is_served_by_the_small_model_and_is_degraded(
        self, make_machine: Make
    ) -> None:
        choice = chosen(make_machine(), Wish(profile=Profile.PRIMARY))

        assert choice.weights.name == SMALL
        assert choice.degraded
        assert "less than was asked for" in choice.sentence

    def test_a_model_is_taken_in_the_best_precision_that_fits(
        self, make_machine: Make, make_gpu: MakeGpu
    ) -> None:
        machine = make_machine(make_gpu("Tesla T4", mib=15360, capability=(7, 5)))

        assert chosen(machine, Wish(model=LLAMA_8B)).weights.name == f"{LLAMA_8B}-fp8"

    def test_weights_can_be_named_exactly(self, make_machine: Make, make_gpu: MakeGpu) -> None:
        machine = make_machine(make_gpu("L4", mib=23034, capability=(8, 9)))

        choice = chosen(machine, Wish(model=f"{LLAMA_8B}-gptq"))

        assert choice.weights.name == f"{LLAMA_8B}-gptq"

    def test_a_model_that_does_not_fit_is_stood_in_for_by_the_small_one(
        self, make_machine: Make, make_gpu: MakeGpu
    ) -> None:
        machine = make_machine(make_gpu("L4", mib=23034, capability=(8, 9)))

        choice = chosen(machine, Wish(model=LLAMA_70B))

        assert choice.weights.name == SMALL
        assert choice.degraded

    def test_a_model_that_nobody_knows_is_refused_with_those_there_are(
        self, make_machine: Make
    ) -> None:
        refusal = choose(make_machine(), CATALOGUE, Wish(model="llama-9"))

        assert isinstance(refusal, Refusal)
        assert LLAMA_8B in refusal.sentence

    def test_a_longer_context_takes_a_smaller_model(
        self, make_machine: Make, make_gpu: MakeGpu
    ) -> None:
        machine = make_machine(make_gpu("L4", mib=23034, capability=(8, 9)))

        choice = chosen(machine, Wish(context_tokens=65536))

        assert choice.weights.name == f"{LLAMA_8B}-fp8"
        assert choice.context_tokens == 65536

    def test_a_context_is_never_longer_than_the_model_can(self, make_machine: Make) -> None:
        assert chosen(make_machine(), Wish(context_tokens=100_000)).context_tokens == 8192

    def test_sequences_and_threads_are_as_set(self, make_machine: Make) -> None:
        choice = chosen(make_machine(), Wish(max_sequences=3, threads=5))

        assert (choice.max_sequences, choice.threads) == (3, 5)


def test_a_model_by_name_may_take_more_than_the_minimal_profile(make_machine: Make) -> None:
    """Whoever names a bigger model for the CPU has made up their mind."""
    [small] = CATALOGUE.named(SMALL)
    big = replace(
        small,
        name="big-q4",
        model=replace(small.model, name="big", parameters=8_000_000_000),
        files=(),
    )
    catalogue = CATALOGUE.with_more([big])
    machine = make_machine(memory=16 * GIB, complete=frozenset({"big-q4", SMALL}))

    by_name = choose(machine, catalogue, Wish(model="big"))
    by_profile = choose(machine, catalogue, Wish())

    assert isinstance(by_name, Choice)
    assert by_name.weights == big
    assert isinstance(by_profile, Choice)
    assert by_profile.weights == small


def chosen(machine: Machine, wish: Wish | None = None) -> Choice:
    choice = choose(machine, CATALOGUE, wish or Wish())
    assert isinstance(choice, Choice)
    return choice
