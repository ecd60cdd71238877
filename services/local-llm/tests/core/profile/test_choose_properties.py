"""What holds on every machine."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.profile.choice import Choice, Profile, Refusal, Wish
from failsoft_local_llm.core.profile.choose import choose
from failsoft_local_llm.core.profile.facts import Gpu, Machine

Make = Callable[..., Machine]
MakeGpu = Callable[..., Gpu]

MIB = 1 << 20

MEMORY = st.integers(0, 512 * 1024).map(lambda mib: mib * MIB)
GPU_MIB = st.integers(0, 200 * 1024)
COUNT = st.integers(0, 8)
FREE = st.floats(0.0, 1.0)
CAPABILITY = st.sampled_from([(7, 0), (7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0)])
WISHES = st.builds(
    Wish,
    profile=st.sampled_from(Profile),
    model=st.sampled_from([None, *CATALOGUE.names]),
    context_tokens=st.none() | st.integers(16, 200_000),
    max_sequences=st.none() | st.integers(1, 256),
)


@given(memory=MEMORY, mib=GPU_MIB, count=COUNT, free=FREE, capability=CAPABILITY, wish=WISHES)
def test_weights_and_cache_fit_into_what_is_free(
    make_machine: Make,
    make_gpu: MakeGpu,
    memory: int,
    mib: int,
    count: int,
    free: float,
    capability: tuple[int, int],
    wish: Wish,
) -> None:
    gpus = [
        make_gpu("A GPU", mib=mib, capability=capability, number=i, free=free) for i in range(count)
    ]
    machine = make_machine(*gpus, memory=memory)

    choice = choose(machine, CATALOGUE, wish)

    if isinstance(choice, Refusal):
        return
    part = choice.weights.bytes / choice.tensor_parallel
    if choice.gpus:
        assert part + choice.kv_bytes <= gpus[0].free_bytes
        assert choice.gpu_memory_share is not None
        assert choice.gpu_memory_share * gpus[0].total_bytes <= gpus[0].free_bytes
    else:
        assert part + choice.kv_bytes <= machine.memory.free_bytes
    per_token = choice.weights.model.architecture.kv_elements * 2 / choice.tensor_parallel
    assert choice.context_tokens * per_token <= choice.kv_bytes
    assert 1 <= choice.context_tokens <= choice.weights.model.context_tokens
    assert choice.max_sequences >= 1
    assert choice.threads >= 1


@given(memory=MEMORY, more=MEMORY, mib=GPU_MIB, more_mib=GPU_MIB, count=COUNT, wish=WISHES)
def test_more_memory_never_gives_a_smaller_model(
    make_machine: Make,
    make_gpu: MakeGpu,
    memory: int,
    more: int,
    mib: int,
    more_mib: int,
    count: int,
    wish: Wish,
) -> None:
    def size(memory: int, mib: int) -> tuple[int, float]:
        gpus = [make_gpu("A GPU", mib=mib, capability=(8, 9), number=i) for i in range(count)]
        choice = choose(make_machine(*gpus, memory=memory), CATALOGUE, wish)
        if isinstance(choice, Refusal):
            return (0, 0.0)
        return (choice.weights.model.parameters, choice.weights.bytes)

    assert size(memory, mib) <= size(memory + more, mib + more_mib)


@given(memory=MEMORY, mib=GPU_MIB, count=COUNT, wish=WISHES)
def test_more_gpus_never_give_a_smaller_model(
    make_machine: Make, make_gpu: MakeGpu, memory: int, mib: int, count: int, wish: Wish
) -> None:
    def parameters(count: int) -> int:
        gpus = [make_gpu("A GPU", mib=mib, capability=(8, 9), number=i) for i in range(count)]
        choice = choose(make_machine(*gpus, memory=memory), CATALOGUE, wish)
        return 0 if isinstance(choice, Refusal) else choice.weights.model.parameters

    assert parameters(count) <= parameters(count + 1)


@given(memory=MEMORY, mib=GPU_MIB, count=COUNT, wish=WISHES)
def test_the_same_machine_gets_the_same_choice_however_its_gpus_are_listed(
    make_machine: Make, make_gpu: MakeGpu, memory: int, mib: int, count: int, wish: Wish
) -> None:
    gpus = [make_gpu("A GPU", mib=mib, capability=(8, 9), number=i) for i in range(count)]
    machine = make_machine(*gpus, memory=memory)
    turned = replace(machine, gpus=replace(machine.gpus, found=machine.gpus.found[::-1]))

    assert choose(machine, CATALOGUE, wish) == choose(turned, CATALOGUE, wish)


@given(memory=MEMORY, mib=GPU_MIB, wish=WISHES)
def test_every_choice_and_every_refusal_can_be_explained(
    make_machine: Make, make_gpu: MakeGpu, memory: int, mib: int, wish: Wish
) -> None:
    machine = make_machine(make_gpu("A GPU", mib=mib, capability=(8, 9)), memory=memory)

    decision = choose(machine, CATALOGUE, wish)

    assert decision.sentence
    if isinstance(decision, Choice):
        assert decision.reasons
