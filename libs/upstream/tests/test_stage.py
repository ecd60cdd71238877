"""Replies as steps: what takes time, without waiting for it."""

from datetime import UTC, datetime, timedelta

import pytest

from failsoft_upstream import faults
from failsoft_upstream.answer import Answer, Content, Style
from failsoft_upstream.faults import Cover, Fault, FinishReason, HintForm
from failsoft_upstream.openai.encoders import DocumentEncoder, EventEncoder
from failsoft_upstream.openai.errors import OpenAIErrors
from failsoft_upstream.reply import Encoder, Pause, Reply, SendHeaders, Silence, Write
from failsoft_upstream.stage import perform

ANSWER = Answer(contents=(Content("Good", 1), Content("bye", 1)), reason=FinishReason.STOP)
AT_ONCE = Style()
NOW = datetime(2026, 11, 21, 7, 28, 0, 1, tzinfo=UTC)
EVENTS = EventEncoder(identifier="a", model="mini", question_tokens=3, include_usage=False)
DOCUMENT = DocumentEncoder(identifier="a", model="mini", question_tokens=3)


def reply(fault: Fault, encoder: Encoder = EVENTS, style: Style = AT_ONCE) -> Reply:
    return perform(
        fault, ANSWER, encoder=encoder, errors=OpenAIErrors(), style=style, model="mini", now=NOW
    )


def shape(given: Reply) -> list[object]:
    """The steps, where a write is told by what it is."""
    names = {
        EVENTS.opening(): "role",
        EVENTS.content("Good"): "Good",
        EVENTS.content("bye"): "bye",
        EVENTS.blank(): "blank",
        EVENTS.keep_alive(): "comment",
        EVENTS.finish(FinishReason.STOP, tokens=2): "finish",
        EVENTS.end(): "done",
    }
    return [names[s.data] if isinstance(s, Write) else s for s in given.steps]


def test_an_answer_takes_its_time() -> None:
    steps = shape(reply(faults.HEALTHY, style=Style(first_delay=0.5, chunk_delay=0.1)))
    assert steps == [Pause(0.5), "role", "Good", Pause(0.1), "bye", "finish", "done"]


def test_a_whole_answer_comes_when_its_last_word_is_known() -> None:
    given = reply(faults.HEALTHY, DOCUMENT, Style(first_delay=0.5, chunk_delay=0.25))
    assert not given.streamed
    assert given.steps[0] == Pause(0.75)
    assert all(isinstance(step, Write) for step in given.steps[1:])


@pytest.mark.parametrize(
    ("cover", "first"),
    [
        (Cover.SILENCE, [Pause(0.25), "role"]),
        (Cover.HEADERS, [SendHeaders(), Pause(0.25), "role"]),
        (Cover.ROLE, ["role", Pause(0.25)]),
        (
            Cover.KEEP_ALIVES,
            ["comment", Pause(0.1), "comment", Pause(0.1), "comment", Pause(0.05), "role"],
        ),
        (
            Cover.EMPTY_DELTAS,
            ["role", "blank", Pause(0.1), "blank", Pause(0.1), "blank", Pause(0.05)],
        ),
    ],
)
def test_a_slow_target_may_send_anything_but_content(cover: Cover, first: list[object]) -> None:
    steps = shape(reply(faults.Slow(seconds=0.25, cover=cover)))
    pauses = [step.seconds for step in steps if isinstance(step, Pause)]
    assert sum(pauses) == pytest.approx(0.25)
    rounded = [Pause(round(s.seconds, 6)) if isinstance(s, Pause) else s for s in steps]
    assert rounded == [*first, "Good", "bye", "finish", "done"]


def test_a_stall_can_end() -> None:
    steps = shape(reply(faults.Stall(after=1, seconds=3.0)))
    assert steps == ["role", "Good", Pause(3.0), "bye", "finish", "done"]


@pytest.mark.parametrize("after", [2, 99])
def test_what_comes_after_more_contents_than_there_are_comes_before_the_finish(after: int) -> None:
    assert shape(reply(faults.Stall(after=after)))[:4] == ["role", "Good", "bye", Silence()]


@pytest.mark.parametrize(
    ("form", "name", "value"),
    [
        (HintForm.SECONDS, "retry-after", "1.5"),
        (HintForm.DATE, "retry-after", "Sat, 21 Nov 2026 07:28:02 GMT"),
        (HintForm.MILLISECONDS, "retry-after-ms", "1500"),
        (HintForm.RESET, "x-ratelimit-reset-requests", "1.5s"),
    ],
)
def test_a_hint_is_written_in_every_form(form: HintForm, name: str, value: str) -> None:
    """A date has whole seconds: it is never earlier than the time that was meant."""
    given = reply(faults.Status(status=429, retry_after=1.5, form=form))
    assert given.headers[name] == value


def test_a_date_on_the_second_is_that_second() -> None:
    fault = faults.Status(status=429, retry_after=2.0, form=HintForm.DATE)
    on_the_second = NOW - timedelta(microseconds=1)
    given = perform(
        fault,
        ANSWER,
        encoder=EVENTS,
        errors=OpenAIErrors(),
        style=AT_ONCE,
        model="mini",
        now=on_the_second,
    )
    assert given.headers["retry-after"] == "Sat, 21 Nov 2026 07:28:02 GMT"


def test_a_hint_that_is_nonsense_can_be_sent_too() -> None:
    given = reply(faults.Status(status=429, retry_after=2.0, headers={"Retry-After": "soon"}))
    assert given.headers["retry-after"] == "soon"


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("encoder", [EVENTS, DOCUMENT])
def test_slices_are_the_same_bytes(encoder: Encoder, size: int) -> None:
    whole = b"".join(s.data for s in reply(faults.HEALTHY, encoder).steps if isinstance(s, Write))
    sliced = reply(faults.Slice(size=size), encoder)
    writes = [step for step in sliced.steps if isinstance(step, Write)]
    assert b"".join(write.data for write in writes) == whole
    assert {len(write.data) for write in writes[:-1]} <= {size}
    assert sum(write.tokens for write in writes) == 2
    assert sliced.streamed
