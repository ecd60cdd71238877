"""An answer taken apart and put together is the same answer."""

from hypothesis import given
from hypothesis import strategies as st

from failsoft_model.chat import Message, Role, Text, ToolCall
from failsoft_model.events import BlockKind, Choice, Delta
from failsoft_router.app.assemble import REPLAY_CHARACTERS, Assembler, replay

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
