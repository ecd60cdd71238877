"""Blocks of an answer."""

from failsoft_local_llm.core.blocks import Blocks, CallPiece, Gathered
from failsoft_model.chat import Text, ToolCall
from failsoft_model.events import BlockKind, Delta


def test_text_goes_on_in_its_block_until_a_call_begins() -> None:
    blocks = Blocks()

    deltas = [
        blocks.text("Let me "),
        blocks.text("look."),
        blocks.call(CallPiece(call=0, id="c0", name="weather", arguments="")),
        blocks.call(CallPiece(call=0, arguments='{"city":')),
        blocks.call(CallPiece(call=0, arguments='"Rome"}')),
        blocks.call(CallPiece(call=1, id="c1", name="time", arguments="{}")),
        blocks.text("Done."),
    ]

    call = BlockKind.TOOL_CALL
    assert deltas == [
        Delta(text="Let me "),
        Delta(text="look."),
        Delta(text="", kind=call, block=1, tool_call_id="c0", tool_name="weather"),
        Delta(text='{"city":', kind=call, block=1),
        Delta(text='"Rome"}', kind=call, block=1),
        Delta(text="{}", kind=call, block=2, tool_call_id="c1", tool_name="time"),
        Delta(text="Done.", block=3),
    ]
    gathered = Gathered()
    for delta in deltas:
        gathered.add(delta)
    assert gathered.parts() == (
        Text(text="Let me look."),
        ToolCall(id="c0", name="weather", arguments_json='{"city":"Rome"}'),
        ToolCall(id="c1", name="time", arguments_json="{}"),
        Text(text="Done."),
    )


def test_only_a_call_calls_tools() -> None:
    blocks = Blocks()
    blocks.text("No.")
    assert not blocks.calls_tools

    blocks.call(CallPiece(call=0, id="c0", name="now", arguments="{}"))
    assert blocks.calls_tools


def test_an_answer_that_says_nothing_has_no_parts() -> None:
    assert Gathered().parts() == ()
