"""What `explain-profile` says of machines that the tests do not run on."""

import json
from collections.abc import Callable

from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.profile.choice import Wish
from failsoft_local_llm.core.profile.choose import choose
from failsoft_local_llm.core.profile.facts import Gpu, Machine
from failsoft_local_llm.core.profile.report import as_record, as_text

Make = Callable[..., Machine]
MakeGpu = Callable[..., Gpu]


def test_every_gpu_and_every_reason_is_told(make_machine: Make, make_gpu: MakeGpu) -> None:
    gpu = make_gpu("A100 MIG 2g.10gb", mib=9728, capability=(8, 0), mig=True)
    machine = make_machine(gpu)
    choice = choose(machine, CATALOGUE, Wish())

    text = as_text(machine, choice)
    record = as_record(machine, choice)

    assert "A100 MIG 2g.10gb (MIG slice), 9.3 GiB of 9.5 GiB free, compute capability 8.0" in text
    assert "NVIDIA driver 580.65.06" in text
    assert json.loads(json.dumps(record)) == record
    assert record["sentence"] == choice.sentence
    assert choice.sentence in text
    for each in choice.rejected:
        assert f"{each.name}: {each.why}" in text


def test_a_refusal_has_no_choice_and_its_sentence_in_its_place(make_machine: Make) -> None:
    machine = make_machine(memory=0, complete=frozenset(), engines=frozenset(), disk=None)
    refusal = choose(machine, CATALOGUE, Wish())

    text = as_text(machine, refusal)

    assert refusal.sentence in text
    assert "Because" not in text
    assert "models: none; free in /models: not known" in text
    assert as_record(machine, refusal)["choice"] is None
