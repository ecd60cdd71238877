"""Two targets' pieces are one answer: its blocks are in order, and none is another's."""

from collections.abc import Sequence

from failsoft_model.events import BlockKind, Delta
from failsoft_router.core.rescue import Continuation
from failsoft_router.core.seam import Manner
from failsoft_router.core.splice import Splice

GOING_ON = Continuation(text="Good mor", block=1, next_block=2)
REASONING, CALL = BlockKind.REASONING, BlockKind.TOOL_CALL


def handed_on(
    *pieces: Delta, going_on: Continuation = GOING_ON, manner: Manner = Manner.PREFILLED
) -> Sequence[Delta]:
    splice = Splice(going_on, manner)
    given = [delta for piece in pieces for delta in splice.take(piece)]
    return [*given, *splice.end()]


def test_text_goes_on_in_the_block_that_was_cut() -> None:
    assert handed_on(Delta(text="ning"), Delta(text="!")) == [
        Delta(text="ning", block=1),
        Delta(text="!", block=1),
    ]


def test_what_is_withheld_is_no_piece() -> None:
    assert handed_on(Delta(text="Good "), Delta(text="morning")) == [Delta(text="ning", block=1)]


def test_other_blocks_come_behind_it() -> None:
    call = Delta(text='{"a"', kind=CALL, block=1, tool_call_id="c", tool_name="f")

    assert handed_on(
        Delta(text="ning"), call, Delta(text=":1}", kind=CALL, block=1), Delta(text="!", block=2)
    ) == [
        Delta(text="ning", block=1),
        Delta(text='{"a"', kind=CALL, block=2, tool_call_id="c", tool_name="f"),
        Delta(text=":1}", kind=CALL, block=2),
        Delta(text="!", block=3),
    ]


def test_reasoning_is_not_told_behind_text() -> None:
    assert handed_on(Delta(text="Hm.", kind=REASONING), Delta(text="ning", block=1)) == [
        Delta(text="ning", block=1)
    ]


def test_a_call_lets_go_what_was_withheld() -> None:
    """Two letters in common with the beginning were chance, and what came is no repetition."""
    call = Delta(text="{}", kind=CALL, block=1, tool_call_id="c", tool_name="f")

    assert handed_on(Delta(text="Go"), call) == [
        Delta(text="Go", block=1),
        Delta(text="{}", kind=CALL, block=2, tool_call_id="c", tool_name="f"),
    ]


def test_text_without_a_block_of_its_own_gets_one() -> None:
    behind_reasoning = Continuation(text="Good mor", block=None, next_block=2)

    assert handed_on(Delta(text="ning"), going_on=behind_reasoning) == [Delta(text="ning", block=2)]


def test_another_answer_behind_reasoning_is_told_as_it_is() -> None:
    anew = Continuation(text="", block=None, next_block=1)

    assert handed_on(
        Delta(text="Hm.", kind=REASONING), Delta(text="Good", block=1), going_on=anew
    ) == [Delta(text="Hm.", kind=REASONING, block=1), Delta(text="Good", block=2)]
