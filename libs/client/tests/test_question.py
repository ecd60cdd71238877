"""A question becomes the request that the contract describes."""

import pytest

from failsoft.inference.v1 import chat_pb2 as pb
from failsoft_client.question import Options, assistant, chat_request, system, user


def test_a_line_of_text_is_a_question_of_the_user() -> None:
    assert chat_request("why?", {}) == pb.ChatRequest(
        messages=[pb.Message(role=pb.ROLE_USER, parts=[pb.Part(text="why?")])]
    )


def test_a_conversation_is_taken_as_it_is() -> None:
    request = chat_request([system("be kind"), user("hi"), assistant("hello"), user("why?")], {})

    assert [message.role for message in request.messages] == [
        pb.ROLE_SYSTEM,
        pb.ROLE_USER,
        pb.ROLE_ASSISTANT,
        pb.ROLE_USER,
    ]


def test_options_find_their_place() -> None:
    request = chat_request(
        "why?", {"model": "chat", "temperature": 0.0, "max_tokens": 5, "stop": ["\n"]}
    )

    assert request.model == "chat"
    assert request.sampling == pb.Sampling(temperature=0.0, max_tokens=5, stop=["\n"])


def test_an_option_of_zero_is_set() -> None:
    """Temperature 0 is a wish; an unset one is the target's own."""
    assert chat_request("why?", {"temperature": 0}).sampling.HasField("temperature")
    assert not chat_request("why?", {}).HasField("sampling")


def test_options_win_over_a_given_request_and_leave_it_alone() -> None:
    given = pb.ChatRequest(
        model="a",
        messages=[user("why?")],
        sampling=pb.Sampling(temperature=1.0, stop=["x"]),
        refused_degradations=[pb.DEGRADATION_MOCK],
    )
    before = pb.ChatRequest.FromString(given.SerializeToString())
    request = chat_request(given, {"model": "b", "stop": ["y"], "refused_degradations": []})

    assert given == before
    assert (request.model, list(request.sampling.stop)) == ("b", ["y"])
    assert request.sampling.temperature == 1.0
    assert not request.refused_degradations


def test_every_field_of_the_contract_is_an_option() -> None:
    """A field that is added there must be added here."""
    fields = set(pb.ChatRequest.DESCRIPTOR.fields_by_name) - {"messages", "sampling"}
    fields |= set(pb.Sampling.DESCRIPTOR.fields_by_name)

    assert set(Options.__annotations__) == fields


def test_a_misspelt_option_is_refused() -> None:
    with pytest.raises(ValueError, match="warmth"):
        chat_request("why?", {"warmth": 0})  # type: ignore[typeddict-unknown-key]
