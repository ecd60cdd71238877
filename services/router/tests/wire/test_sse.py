"""However a body is cut into chunks, its payloads are the same."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsoft_router.wire.sse import MAX_EVENT_BYTES, EventTooLong, SseParser

BODY = (
    b": a comment keeps the connection alive\n\n"
    b'data: {"one": 1}\n\n'
    b"event: message\r\nid: 7\r\nretry: 3000\r\n"
    b'data:{"two": 2}\r\n\r\n'
    b"\n\n"
    b'data:   {"three": "\xc3\xbc"}  \n'
    b"data:\n\n"
    b"database: no field of SSE\n"
    b"data: [DONE]\n\n"
)
PAYLOADS = [b'{"one": 1}', b'{"two": 2}', b'{"three": "\xc3\xbc"}', b"[DONE]"]


def parsed(chunks: list[bytes]) -> list[bytes]:
    parser = SseParser()
    payloads = [payload for chunk in chunks for payload in parser.feed(chunk)]
    return payloads + parser.end()


def test_a_body_in_one_chunk_gives_its_payloads() -> None:
    assert parsed([BODY]) == PAYLOADS


@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=30))
def test_any_chunks_give_the_same_payloads(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(BODY)]
    chunks = [BODY[start:end] for start, end in itertools.pairwise(edges)]

    assert parsed(chunks) == PAYLOADS


def test_a_body_byte_by_byte_gives_the_same_payloads() -> None:
    assert parsed([BODY[index : index + 1] for index in range(len(BODY))]) == PAYLOADS


def test_each_payload_is_given_as_soon_as_its_line_ends() -> None:
    """Who waits for the next event before giving this one delays every token."""
    parser = SseParser()

    assert parser.feed(b"data: 1") == []
    assert parser.feed(b"\n") == [b"1"]


def test_a_last_line_without_an_end_counts_once_the_body_is_over() -> None:
    parser = SseParser()
    parser.feed(b"data: [DONE]")

    assert parser.end() == [b"[DONE]"]
    assert parser.end() == []


def test_a_body_of_comments_has_no_payloads() -> None:
    assert parsed([b": keep-alive\n\n" * 3]) == []


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    parser = SseParser()
    parser.feed(b"data: ")
    half = b"x" * (MAX_EVENT_BYTES // 2)
    parser.feed(half)

    with pytest.raises(EventTooLong):
        parser.feed(half)


def test_a_long_line_in_small_chunks_costs_what_it_costs_in_one() -> None:
    """Joining and searching all of it for each chunk would stop the loop for minutes."""
    parser = SseParser()
    line = b"data: " + b"x" * (MAX_EVENT_BYTES // 2)
    for start in range(0, len(line), 64):
        assert parser.feed(line[start : start + 64]) == []

    assert parser.feed(b"\n") == [line[6:]]
