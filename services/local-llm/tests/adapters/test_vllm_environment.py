"""What vLLM finds in its environment."""

import logging

import pytest

from failsoft_local_llm.adapters.vllm.environment import log_level, traces_endpoint, variables


def test_nothing_is_fetched_reported_or_forked() -> None:
    wanted = variables({}, cpu=False, threads=None, cores=4, gpus=())

    assert wanted["HF_HUB_OFFLINE"] == "1"
    assert wanted["VLLM_NO_USAGE_STATS"] == "1"
    assert wanted["VLLM_WORKER_MULTIPROC_METHOD"] == "spawn"
    assert wanted["VLLM_PLUGINS"] == "failsoft"
    assert wanted["VLLM_CONFIGURE_LOGGING"] == "0"
    assert "TORCH_COMPILE_DISABLE" not in wanted


def test_a_cpu_compiles_nothing_and_gets_its_threads() -> None:
    wanted = variables({}, cpu=True, threads=3, cores=4, gpus=("GPU-1",))

    assert wanted["TORCH_COMPILE_DISABLE"] == "1"
    assert wanted["OMP_NUM_THREADS"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in wanted


def test_on_a_cpu_a_core_is_left_to_the_scheduler() -> None:
    def threads(cores: int) -> str:
        return variables({}, cpu=True, threads=None, cores=cores, gpus=())["OMP_NUM_THREADS"]

    assert [threads(cores) for cores in (1, 2, 8)] == ["1", "1", "7"]


def test_the_chosen_gpus_are_the_only_ones_it_sees() -> None:
    wanted = variables({}, cpu=False, threads=3, cores=4, gpus=("GPU-1", "GPU-2"))

    assert wanted["CUDA_VISIBLE_DEVICES"] == "GPU-1,GPU-2"
    assert "OMP_NUM_THREADS" not in wanted


def test_the_operators_word_on_logs_and_names_counts() -> None:
    given = {"VLLM_LOGGING_LEVEL": "DEBUG", "OTEL_SERVICE_NAME": "llama", "HF_HUB_OFFLINE": "0"}

    wanted = variables(given, cpu=False, threads=None, cores=4, gpus=())

    assert "VLLM_LOGGING_LEVEL" not in wanted
    assert "OTEL_SERVICE_NAME" not in wanted
    assert wanted["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize(
    ("said", "level"),
    [("", logging.ERROR), ("warning", logging.WARNING), ("LOUD", logging.ERROR)],
)
def test_vllm_is_heard_from_the_level_on_that_it_was_given(said: str, level: int) -> None:
    assert log_level({"VLLM_LOGGING_LEVEL": said}) == level


def test_spans_go_where_ours_go() -> None:
    grpc = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}
    http = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    traces = {**http, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"}

    assert traces_endpoint({}) is None
    assert traces_endpoint({**grpc, "OTEL_SDK_DISABLED": "true"}) is None
    assert traces_endpoint(grpc) == "http://c:4317"
    assert traces_endpoint(http) == "http://c:4318/v1/traces"
    assert traces_endpoint(traces) == "http://t/x"
    assert variables(http, cpu=False, threads=None, cores=4, gpus=())[
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
    ] == ("http/protobuf")
