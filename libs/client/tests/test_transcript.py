"""The answer so far is right at every moment, whatever was taken back."""

from failsoft.inference.v1 import chat_pb2, walk_pb2
from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_client import Reply, Transcript

Event = pb.StreamGenerateResponse


def piece(text: str, *, block: int = 0, choice: int = 0) -> Event:
    return Event(delta=pb.Delta(text=text, block=block, choice=choice))


def reasoning(text: str, *, block: int) -> Event:
    return Event(delta=pb.Delta(reasoning=text, block=block))


def call(arguments: str, *, block: int, id_: str = "", name: str = "") -> Event:
    fragment = chat_pb2.ToolCall(id=id_, name=name, arguments_json=arguments)
    return Event(delta=pb.Delta(tool_call=fragment, block=block))


def reset(from_block: int, *, choice: int = 0) -> Event:
    return Event(stream_reset=pb.StreamReset(choice=choice, from_block=from_block))


def finished() -> Event:
    return Event(finished=pb.Finished(finish_reason=walk_pb2.FINISH_REASON_STOP, served_by="a"))


def after(*events: Event) -> Transcript:
    transcript = Transcript()
    for event in events:
        transcript.apply(event)
    return transcript


def test_text_grows_with_every_piece() -> None:
    transcript = Transcript()
    seen = []
    for event in (piece("Hel"), piece("lo"), reasoning("hm", block=1), piece("!", block=2)):
        transcript.apply(event)
        seen.append(transcript.text)

    assert seen == ["Hel", "Hello", "Hello", "Hello!"]


def test_a_reset_takes_back_from_its_block_on() -> None:
    """The first block was said by a target that is still believed."""
    transcript = after(piece("one"), piece("tw", block=1), piece("x", block=2), reset(1))

    assert transcript.text == "one"
    transcript.apply(piece("two", block=1))
    assert transcript.text == "onetwo"


def test_a_reset_of_everything_starts_again() -> None:
    assert after(piece("wrong"), reset(0), piece("right")).text == "right"


def test_a_reset_of_another_choice_takes_nothing_back() -> None:
    assert after(piece("kept"), piece("gone", choice=1), reset(0, choice=1)).text == "kept"


def test_a_reset_before_anything_was_said_is_harmless() -> None:
    assert after(reset(0), piece("a")).text == "a"


def test_an_unknown_event_changes_nothing() -> None:
    """A later contract may have more kinds of events and of content."""
    assert after(piece("a"), Event(), Event(delta=pb.Delta(block=1))).text == "a"


def test_an_unfinished_answer_is_no_reply() -> None:
    assert after(piece("a")).response() is None


def test_the_collected_answer_is_what_a_unary_call_returns() -> None:
    response = after(
        reasoning("add ", block=0),
        reasoning("them", block=0),
        piece("I ", block=1),
        piece("add.", block=1),
        call("", block=2, id_="c1", name="add"),
        call('{"a":', block=2),
        call("1}", block=2),
        finished(),
    ).response()

    assert response == pb.GenerateResponse(
        choices=[
            pb.Choice(
                message=chat_pb2.Message(
                    role=chat_pb2.ROLE_ASSISTANT,
                    parts=[
                        chat_pb2.Part(text="I add."),
                        chat_pb2.Part(
                            tool_call=chat_pb2.ToolCall(
                                id="c1", name="add", arguments_json='{"a":1}'
                            )
                        ),
                    ],
                ),
                reasoning="add them",
            )
        ],
        finished=finished().finished,
    )


def test_a_refusal_is_not_text() -> None:
    response = after(Event(delta=pb.Delta(refusal="No.")), finished()).response()

    assert response is not None
    assert response.choices[0].refusal == "No."
    assert Reply(response).text == ""


def test_an_empty_answer_is_one_choice_all_the_same() -> None:
    response = after(finished()).response()

    assert response is not None
    assert [choice.message.role for choice in response.choices] == [chat_pb2.ROLE_ASSISTANT]
