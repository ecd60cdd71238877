"""An answer taken apart and put together is the same answer."""

import dataclasses

from hypothesis import assume, given
from hypothesis import strategies as st

from failsoft_model.chat import Message, Role, Text, ToolCall
from failsoft_model.events import BlockKind, Choice, Delta, TokenLogprob
from failsoft_router.app.reply.assemble import REPLAY_CHARACTERS, Assembler, replay

TEXTS = st.text(min_size=1, max_size=3 * REPLAY_CHARACTERS)
CALLS = st.builds(ToolCall, id=st.text(min_size=1), name=st.text(min_size=1), arguments_json=TEXTS)
CHOICES = st.builds(
    Choice,
    message=st.builds(
        Message,
        role=st.just(Role.ASSISTANT),
        parts=st.lists(st.builds(Text, text=TEXTS) | CALLS, max_size=4).map(tuple),
    ),
    reasoning=st.text(max_size=200),
    refusal=st.text(max_size=200),
)


@given(choice=CHOICES)
def test_a_replayed_answer_is_the_answer(choice: Choice) -> None:
    assembler = Assembler()
    for delta in replay(choice):
        assert 0 < len(delta.text) <= REPLAY_CHARACTERS or delta.kind is BlockKind.TOOL_CALL
        assembler.add(delta)

    assert assembler.choice() == choice


def tokens(text: str, size: int) -> tuple[TokenLogprob, ...]:
    """The text cut after every so many bytes, wherever its characters end."""
    data = text.encode()
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    return tuple(
        TokenLogprob(token=piece.decode("utf-8", "replace"), logprob=-1.0, data=piece)
        for piece in pieces
    )


@given(choice=CHOICES, size=st.integers(1, 9), told=st.integers(0, 9))
def test_a_replayed_answer_has_its_tokens_with_its_text(
    choice: Choice, size: int, told: int
) -> None:
    """No token comes with an earlier piece than the one that it begins in, and none is lost,
    also where they are not those of the text."""
    spoken = choice.refusal + "".join(
        part.text for part in choice.message.parts if isinstance(part, Text)
    )
    assume(spoken)
    all_of_them = (*tokens(spoken, size), *tokens("x" * told, 1))
    assembler, text, given_so_far = Assembler(), 0, 0
    for delta in replay(dataclasses.replace(choice, logprobs=all_of_them)):
        assembler.add(delta)
        if delta.kind in (BlockKind.TEXT, BlockKind.REFUSAL):
            text += len(delta.text.encode())
            given_so_far += sum(len(token.data) for token in delta.logprobs)
            assert text <= given_so_far
            assert given_so_far < text + size or text == len(spoken.encode())
        else:
            assert delta.logprobs == ()

    assert assembler.choice().logprobs == all_of_them


def test_the_tokens_of_what_is_reset_are_forgotten() -> None:
    """Else an answer would be told with the probabilities of another's."""
    first, second, third = tokens("abc", 1)
    assembler = Assembler()
    assembler.add(Delta(text="a", logprobs=(first,)))
    assembler.add(Delta(text="b", block=1, logprobs=(second,)))

    assembler.clear(from_block=1)
    assembler.add(Delta(text="c", block=1, logprobs=(third,)))

    assert assembler.choice().logprobs == (first, third)


def test_fragments_of_blocks_that_alternate_stay_apart() -> None:
    assembler = Assembler()
    for block, text in ((0, "a"), (1, "x"), (0, "b"), (1, "y")):
        assembler.add(Delta(text=text, block=block))

    assert assembler.choice().message.parts == (Text(text="ab"), Text(text="xy"))


def test_what_is_reset_is_forgotten_from_its_block_on() -> None:
    assembler = Assembler()
    for block in range(3):
        assembler.add(Delta(text=str(block), block=block))

    assembler.clear(from_block=1)
    assembler.add(Delta(text="new", block=1))

    assert assembler.choice().message.parts == (Text(text="0"), Text(text="new"))
    assembler.clear()
    assert assembler.choice().message.parts == ()
