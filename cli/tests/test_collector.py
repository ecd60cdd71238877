"""What `failsoft up --otlp` makes of a URL."""

import socket
from collections.abc import Iterator, Mapping

import pytest

from failsoft_cli.supervisor import collector

ENDPOINT, PROTOCOL = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
OF_TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.fixture
def listener() -> Iterator[str]:
    """The URL of a port where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def nobody() -> Iterator[str]:
    """The URL of a port that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost:4317", "http://localhost:4318/", "https://collector.example"),
        *("https://collector.example/otlp", "http://[::1]:4317"),
    ],
)
def test_a_collectors_url_is_taken(url: str) -> None:
    assert collector.fault_of(url) == ""


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("localhost:4317", "http://localhost:4317"),
        ("http://", "http://localhost:4317"),
        ("ftp://localhost:4317", "http://localhost:4317"),
        ("http://localhost:70000", "port"),
        ("http://me:secret@localhost:4317", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("http://localhost:4318/v1/traces", "/v1/traces"),
        ("http://localhost:4318/otlp/v1/metrics/", "/v1/metrics"),
    ],
)
def test_a_wrong_url_gets_a_sentence_that_helps(url: str, word: str) -> None:
    told = collector.fault_of(url)

    assert word in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("url", "environ", "protocol"),
    [
        ("http://localhost:4317", {}, None),
        ("http://localhost:4318", {}, "http/protobuf"),
        ("https://collector.example/otlp", {}, "http/protobuf"),
        ("https://collector.example/", {}, None),
        ("http://localhost:4318", {PROTOCOL: "grpc"}, "grpc"),
    ],
)
def test_the_url_says_how_the_collector_is_spoken_to(
    url: str, environ: Mapping[str, str], protocol: str | None
) -> None:
    told = collector.variables(url, environ)

    assert told[ENDPOINT] == url
    assert told.get(PROTOCOL) == protocol


def test_the_commands_url_counts_more_than_the_environments() -> None:
    told = collector.variables("http://mine:4317", {ENDPOINT: "http://a", OF_TRACES: "http://b"})

    assert told == {ENDPOINT: "http://mine:4317"}


async def test_it_is_said_where_spans_go(listener: str) -> None:
    told = await collector.destination({ENDPOINT: listener})

    assert told is not None
    assert f"{listener} by OTLP over gRPC" in told
    assert "failsoft.fallback.used=true" in told


async def test_it_is_said_when_nobody_listens_there(nobody: str) -> None:
    told = await collector.destination({OF_TRACES: nobody, PROTOCOL: "http/protobuf"})

    assert told is not None
    assert f"{nobody} by OTLP over HTTP, where nobody listens" in told


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: "nonsense"},
        {ENDPOINT: "http://a", "OTEL_SDK_DISABLED": "true"},
    ],
    ids=str,
)
async def test_nothing_is_said_where_no_spans_go(environ: Mapping[str, str]) -> None:
    assert await collector.destination(environ) is None
