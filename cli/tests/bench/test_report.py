"""What is shown of the figures."""

import io
import json
from collections.abc import Sequence

import pytest
from rich.console import Console

from failsoft_cli.bench.figures import Figures, Speed
from failsoft_cli.bench.record import bench_record
from failsoft_cli.bench.report import bench_table, notes
from failsoft_cli.bench.tiers import Tier, Unmeasured
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.profile.choice import Choice, DType, Profile
from failsoft_local_llm.core.profile.facts import Cpu, EngineKind, Gpus, Machine, Memory, Storage

GIB = 1 << 30
(SMALL,) = CATALOGUE.named("smollm2-135m-instruct-q4")
CHOICE = Choice(
    profile=Profile.MINIMAL,
    degraded=False,
    engine=EngineKind.OPENVINO,
    weights=SMALL,
    present=True,
    dtype=DType.FP32,
    context_tokens=8192,
    max_sequences=8,
    kv_bytes=GIB,
    threads=2,
    gpus=(),
    gpu_memory_share=None,
    reasons=("it fits",),
    rejected=(),
)
TIER = Tier(choice=CHOICE, named=False)
SPEEDS = (
    Speed(streams=1, first_content=0.125, tokens_per_second=100.0, cpu_per_token=0.0125),
    Speed(streams=8, first_content=0.5, tokens_per_second=400.0, cpu_per_token=0.005),
)
WHOLE = Figures(
    why="profile minimal", load_seconds=4.0, ready_bytes=GIB // 2, peak_bytes=GIB, speeds=SPEEDS
)
MACHINE = Machine(
    system="Linux",
    cpu=Cpu(model="A CPU", machine="x86_64", flags=frozenset(), cores=2, installed=2),
    memory=Memory(total_bytes=GIB, free_bytes=GIB, limited=False),
    gpus=Gpus(note="there is no driver"),
    storage=Storage(directory="/models", free_bytes=None, complete=frozenset()),
    engines=frozenset({EngineKind.OPENVINO}),
)


@pytest.fixture
def rows() -> "Rows":
    return Rows()


class Rows:
    """The table's rows as words."""

    def __call__(self, *figures: Figures) -> Sequence[Sequence[str]]:
        out = Console(file=io.StringIO(), width=200)
        out.print(bench_table([(TIER, each) for each in figures]))
        assert isinstance(out.file, io.StringIO)
        return [line.split() for line in out.file.getvalue().splitlines()[2:]]


def test_a_tier_has_a_row_for_each_number_of_streams(rows: Rows) -> None:
    name = SMALL.name
    first = [name, "minimal", "4.0", "s", "512", "MiB", "1.0", "GiB", "1"]

    assert rows(WHOLE) == [
        [*first, "0.12", "s", "100.0", "12.50", "ms"],
        ["8", "0.50", "s", "400.0", "5.00", "ms"],
    ]


def test_an_engine_that_cannot_start_is_a_row_and_has_its_reason(rows: Rows) -> None:
    broken = Figures(trouble="the file is damaged")

    assert rows(broken) == [[SMALL.name, "minimal", *"-------"]]
    assert list(notes([(TIER, broken)], [])) == [f"{SMALL.name}: the file is damaged"]


def test_what_was_not_measured_is_said() -> None:
    absent = Unmeasured(name="primary", why="there is no GPU")

    assert list(notes([(TIER, WHOLE)], [absent])) == ["primary was not measured: there is no GPU"]


def test_the_record_for_programs_has_every_figure_with_its_unit_in_its_name() -> None:
    absent = Unmeasured(name="primary", why="there is no GPU")
    troubled = Figures(load_seconds=4.0, trouble="too slow")

    record = json.loads(
        json.dumps(bench_record(MACHINE, CHOICE, [(TIER, WHOLE), (TIER, troubled)], [absent]))
    )

    whole, broken = record["tiers"]
    assert whole["loadSeconds"] == 4.0
    assert (whole["readyBytes"], whole["peakBytes"]) == (GIB // 2, GIB)
    assert whole["speeds"][1] == {
        "streams": 8,
        "firstContentSeconds": 0.5,
        "tokensPerSecond": 400.0,
        "cpuSecondsPerToken": 0.005,
    }
    assert (broken["speeds"], broken["peakBytes"], broken["trouble"]) == ([], None, "too slow")
    assert record["sentence"] == CHOICE.sentence
    assert record["notMeasured"] == [{"name": "primary", "why": "there is no GPU"}]
