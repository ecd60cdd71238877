"""The tokens that a stream tells come with the text that they are of, and with nothing else."""

import json
from typing import Any

import orjson
import pytest

from failsoft_model.events import BlockKind, Delta, TokenLogprob, TopLogprob
from failsoft_model.walk import ErrorClass
from failsoft_router.ports import AttemptFailed
from failsoft_router.wire.openai.stream import ChunkReader

STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
EMOJI = "🙂".encode()


def told(text: str, logprob: float = -0.5, **more: object) -> dict[str, object]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), **more}


def half(data: bytes) -> dict[str, object]:
    """OpenAI spells what is no whole character in a way of its own."""
    return {"token": "bytes:" + repr(data)[2:-1], "logprob": -0.5, "bytes": list(data)}


def token(text: str, *, data: bytes | None = None) -> TokenLogprob:
    return TokenLogprob(token=text, logprob=-0.5, data=text.encode() if data is None else data)


def chunk(
    logprobs: object = None, *, of: str = "content", finish: str | None = None, **delta: object
) -> dict[str, Any]:
    listed = None if logprobs is None else {of: logprobs}
    choice = {"index": 0, "delta": delta, "logprobs": listed, "finish_reason": finish}
    return {"model": "gpt-4.1-mini", "choices": [choice]}


def read(*chunks: object, asked: bool = True) -> tuple[list[Delta], ChunkReader]:
    reader = ChunkReader(model="gpt-4.1-mini", logprobs=asked)
    deltas = []
    for each in chunks:
        reader.read(orjson.dumps(each))
        deltas += reader.content()
    return deltas, reader


def dropped(*chunks: object) -> tuple[str, ...]:
    return read(*chunks)[1].ending().dropped_parameters


def test_each_piece_comes_with_its_tokens() -> None:
    top = [told("Hel", -0.5), told("Hi", -1.25)]
    deltas, reader = read(
        chunk([told("Hel", top_logprobs=top)], content="Hel"),
        chunk([told("lo")], content="lo"),
        STOP,
    )

    tops = (
        TopLogprob(token="Hel", logprob=-0.5, data=b"Hel"),
        TopLogprob(token="Hi", logprob=-1.25, data=b"Hi"),
    )
    first = TokenLogprob(token="Hel", logprob=-0.5, data=b"Hel", top=tops)
    assert deltas == [
        Delta(text="Hel", logprobs=(first,)),
        Delta(text="lo", logprobs=(token("lo"),)),
    ]
    assert reader.ending().dropped_parameters == ()


def test_pieces_that_leave_together_have_all_their_tokens() -> None:
    reader = ChunkReader(model="m", logprobs=True)
    for each in (chunk([told("a")], content="a"), chunk([told("b")], content="b")):
        reader.read(orjson.dumps(each))

    assert reader.content() == [Delta(text="ab", logprobs=(token("a"), token("b")))]


def test_half_a_character_waits_for_the_other_half() -> None:
    """Its token comes with an empty text, which is no content."""
    deltas, _ = read(
        chunk([half(EMOJI[:2])], content=""), chunk([half(EMOJI[2:])], content="🙂"), STOP
    )

    (delta,) = deltas
    assert delta.text == "🙂"
    assert [each.data for each in delta.logprobs] == [EMOJI[:2], EMOJI[2:]]
    assert all("\ufffd" in each.token for each in delta.logprobs)


def test_a_token_behind_the_last_text_is_left_out() -> None:
    """Some servers tell the one that ends the answer, which is no text."""
    deltas, reader = read(
        chunk([told("a")], content="a"), chunk([told("<|eot_id|>")], content="", finish="stop")
    )

    assert deltas == [Delta(text="a", logprobs=(token("a"),))]
    assert reader.ending().dropped_parameters == ()


def test_a_refusal_has_its_own_tokens() -> None:
    deltas, _ = read(chunk([told("No")], of="refusal", refusal="No"), STOP)

    assert deltas == [Delta(text="No", kind=BlockKind.REFUSAL, logprobs=(token("No"),))]


@pytest.mark.parametrize(
    "hidden",
    [
        {"reasoning_content": "Hm"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]},
    ],
)
def test_tokens_of_thoughts_and_calls_are_not_those_of_the_text(hidden: dict[str, object]) -> None:
    told_of_hidden = chunk([told("Hm")])
    told_of_hidden["choices"][0]["delta"] = hidden
    deltas, _ = read(told_of_hidden, chunk([told("a")], content="a"), STOP)

    assert [delta.logprobs for delta in deltas] == [(), (token("a"),)]


def test_tokens_that_nobody_asked_for_are_not_read() -> None:
    """Neither is their form, which may be a server's own."""
    odd = chunk("not a list", content="a")

    assert read(odd, STOP, asked=False)[0] == [Delta(text="a")]


def test_a_server_that_tells_none_is_found_out() -> None:
    """It takes the field and does nothing: the caller learns that from the reply."""
    assert dropped(chunk(content="a"), STOP) == ("sampling.logprobs",)


def test_an_answer_without_text_has_no_tokens_to_tell() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}

    assert dropped(chunk(tool_calls=[call]), chunk(finish="tool_calls")) == ()


@pytest.mark.parametrize(
    "logprobs",
    ["text", [1], [{"token": 1}], [{"logprob": "x"}], [{"bytes": [256]}], [{"bytes": [-1]}]],
    ids=json.dumps,
)
def test_tokens_of_another_form_are_malformed(logprobs: object) -> None:
    with pytest.raises(AttemptFailed) as failed:
        read(chunk(logprobs, content="a"))

    assert failed.value.error_class is ErrorClass.MALFORMED


def test_tokens_without_an_end_are_malformed() -> None:
    """The text stays short, and what is kept of it does not."""
    endless = orjson.dumps(chunk([told("a", top_logprobs=[told("b" * 4096)] * 64)], content=""))
    reader = ChunkReader(model="m", logprobs=True)

    def read_on() -> None:
        for _ in range(300):
            reader.read(endless)

    with pytest.raises(AttemptFailed) as failed:
        read_on()

    assert failed.value.error_class is ErrorClass.MALFORMED
