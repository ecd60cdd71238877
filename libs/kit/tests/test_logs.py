"""A log line is one JSON object that can be tied to its trace, and logging never fails a call."""

import io
import json
import logging

import pytest
import structlog
from structlog.typing import FilteringBoundLogger

from failsoft_kit.logs import Form, Level, LogSettings, about, configure
from failsoft_kit.rpc.health import Health
from failsoft_kit.telemetry import SpanContext

pytestmark = pytest.mark.usefixtures("own_logs")

TRACE = SpanContext(0xABC, 0x7, sampled=True)


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """A stream whose reader has gone away."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


def log_to(
    stream: io.StringIO,
    *,
    level: Level = Level.INFO,
    form: Form = Form.AUTO,
    trace: SpanContext | None = TRACE,
    request_id: str | None = None,
) -> FilteringBoundLogger:
    settings = LogSettings(level=level, form=form)
    configure(
        settings,
        service="relay",
        trace=lambda: trace,
        request_id=lambda: request_id,
        stream=stream,
    )
    log: FilteringBoundLogger = structlog.get_logger()
    return log


def test_an_event_is_one_json_object_with_its_trace() -> None:
    stream = io.StringIO()
    log_to(stream).info("hop.skipped", target="cloud", seconds=1.5)

    event = json.loads(stream.getvalue())
    assert event.pop("time").endswith("Z")
    assert event == {
        "event": "hop.skipped",
        "level": "info",
        "service": "relay",
        "target": "cloud",
        "seconds": 1.5,
        "trace_id": "00000000000000000000000000000abc",
        "span_id": "0000000000000007",
        "trace_flags": "01",
    }


def test_a_line_begins_with_what_it_is_about() -> None:
    stream = io.StringIO()
    log_to(stream).info("hop.skipped", target="cloud")

    assert list(json.loads(stream.getvalue()))[:4] == ["time", "level", "event", "service"]


def test_a_change_of_health_names_whose_it_is() -> None:
    """`service` is the process, and would hide a fact of that name."""
    stream = io.StringIO()
    log_to(stream)

    Health().set("failsoft.echo.v1.Echo", serving=True, why="it answers")

    event = json.loads(stream.getvalue())
    assert (event["service"], event["name"]) == ("relay", "failsoft.echo.v1.Echo")


def test_outside_of_any_request_there_are_no_ids() -> None:
    stream = io.StringIO()
    log_to(stream, trace=None).info("service.serving")

    assert {"trace_id", "request_id"}.isdisjoint(json.loads(stream.getvalue()))


def test_what_a_request_caused_has_its_id() -> None:
    stream = io.StringIO()
    log_to(stream, request_id="my-id").info("hop.skipped")

    assert json.loads(stream.getvalue())["request_id"] == "my-id"


def test_an_event_may_be_about_another_span_and_request_than_the_current_ones() -> None:
    stream = io.StringIO()
    other = SpanContext(0xDEF, 0x8, sampled=False)
    log_to(stream, request_id="my-id").info("walk.failed", request_id="another", **about(other))

    event = json.loads(stream.getvalue())
    assert event["request_id"] == "another"
    assert event["trace_id"] == f"{0xDEF:032x}"
    assert (event["span_id"], event["trace_flags"]) == ("0000000000000008", "00")


def test_only_what_is_severe_enough_is_logged() -> None:
    stream = io.StringIO()
    log = log_to(stream, level=Level.WARNING)
    log.info("a.happened")
    log.warning("b.happened")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["b.happened"]


def test_people_at_a_terminal_get_text() -> None:
    stream = Terminal()
    log_to(stream).info("hop.skipped")

    with pytest.raises(ValueError):
        json.loads(stream.getvalue())
    assert "\x1b[" in stream.getvalue()


@pytest.mark.parametrize(("form", "is_json"), [(Form.JSON, True), (Form.TEXT, False)])
def test_the_form_can_be_chosen(form: Form, is_json: bool) -> None:
    streams = (io.StringIO(), Terminal())
    for stream in streams:
        log_to(stream, form=form).info("hop.skipped")
        structlog.reset_defaults()

    assert [stream.getvalue().startswith("{") for stream in streams] == [is_json, is_json]
    assert "\x1b[" not in streams[0].getvalue()


@pytest.mark.parametrize("form", [Form.JSON, Form.TEXT])
def test_a_traceback_shows_no_local_variables(form: Form) -> None:
    """They may hold prompts and secrets."""
    stream = Terminal()
    log = log_to(stream, form=form)

    def fail(prompt: str) -> None:
        raise LookupError(len(prompt))

    canary = "canary".upper()
    try:
        fail(canary)
    except LookupError:
        log.exception("walk.crashed")

    assert "LookupError" in stream.getvalue()
    assert "in fail" in stream.getvalue()
    assert "CANARY" not in stream.getvalue()


@pytest.mark.parametrize("fact", [2**70, "\ud800", b"bytes", {1: 2}, object(), float("nan")])
def test_any_fact_can_be_logged(fact: object) -> None:
    stream = io.StringIO()
    log_to(stream).info("fact.told", fact=fact)

    (line,) = stream.getvalue().splitlines()
    assert "fact" in json.loads(line)


def test_a_fact_cannot_forge_a_line() -> None:
    stream = io.StringIO()
    log_to(stream).info("fact.told", fact='x\n{"event": "forged"}')

    assert len(stream.getvalue().splitlines()) == 1


def test_a_log_that_nobody_reads_fails_nobody() -> None:
    log_to(Closed()).error("stream.lost")
    gone = io.StringIO()
    log = log_to(gone)
    gone.close()

    log.error("stream.lost")


def test_what_libraries_warn_of_comes_out_the_same_way() -> None:
    stream = io.StringIO()
    log_to(stream)
    logging.getLogger("asyncio").error("lost %s", "task")
    logging.getLogger("chatty").info("hello")

    event = json.loads(stream.getvalue())
    assert (event["event"], event["level"]) == ("library.said", "error")
    assert (event["logger"], event["message"]) == ("asyncio", "lost task")


@pytest.mark.parametrize(
    ("said", "level"),
    [
        (logging.CRITICAL, "error"),
        (logging.WARNING + 1, "warning"),
        (logging.INFO, "info"),
    ],
)
def test_a_library_whose_level_was_set_is_heard_from_there_on(said: int, level: str) -> None:
    stream = io.StringIO()
    log_to(stream)
    asked = logging.getLogger("asked")
    asked.setLevel(logging.INFO)
    asked.log(said, "hello")

    assert json.loads(stream.getvalue())["level"] == level
