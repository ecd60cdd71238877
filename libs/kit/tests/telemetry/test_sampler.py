"""Who decides which traces are recorded: the caller first, and OpenTelemetry's variables."""

import pytest

from failsoft_kit.clock import SystemClock
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry import Sampler, SpanContext, Tracer, telemetry_from
from failsoft_kit.telemetry.sampler import sampler_from
from failsoft_kit.testing.spans import RecordedSpans

SENT = SpanContext(trace_id=7, span_id=9, sampled=True)
NOT_SAMPLED = SENT._replace(sampled=False)
LOW, HIGH = 1, (1 << 64) - 1
"""Trace ids at both ends of what a share is taken by."""


@pytest.mark.parametrize(
    ("rule", "begins_here", "sampled_by_sender", "not_by_sender"),
    [
        ("", True, True, False),
        ("parentbased_always_on", True, True, False),
        ("parentbased_always_off", False, True, False),
        ("parentbased_traceidratio", True, True, False),
        ("always_on", True, True, True),
        ("always_off", False, False, False),
        ("traceidratio", True, True, True),
    ],
)
def test_a_rule_does_what_opentelemetry_says(
    rule: str, begins_here: bool, sampled_by_sender: bool, not_by_sender: bool
) -> None:
    sampler = sampler_from({"OTEL_TRACES_SAMPLER": rule})

    assert sampler.samples(LOW, None) is begins_here
    assert sampler.samples(HIGH, None) is begins_here
    assert sampler.samples(7, SENT) is sampled_by_sender
    assert sampler.samples(7, NOT_SAMPLED) is not_by_sender


@pytest.mark.parametrize("rule", ["traceidratio", "parentbased_traceidratio"])
@pytest.mark.parametrize(
    ("share", "low", "high"), [("0", False, False), ("0.5", True, False), ("1", True, True)]
)
def test_a_share_is_taken_by_the_traces_id(rule: str, share: str, low: bool, high: bool) -> None:
    """So every service with this share records the same traces."""
    sampler = sampler_from({"OTEL_TRACES_SAMPLER": rule, "OTEL_TRACES_SAMPLER_ARG": share})

    assert (sampler.samples(LOW, None), sampler.samples(HIGH, None)) == (low, high)


@pytest.mark.parametrize("rule", ["jaeger_remote", "xray", "on", "ALWAYS_ON", "parentbased_"])
def test_a_rule_that_we_do_not_have_is_refused_with_those_that_there_are(rule: str) -> None:
    with pytest.raises(StartupError) as refusal:
        sampler_from({"OTEL_TRACES_SAMPLER": rule})

    (problem,) = refusal.value.problems
    assert repr(rule) in problem
    assert "parentbased_traceidratio" in problem


@pytest.mark.parametrize("share", ["1.1", "-0.1", "half", "nan", "10%"])
def test_a_share_that_is_none_is_refused(share: str) -> None:
    with pytest.raises(StartupError, match="OTEL_TRACES_SAMPLER_ARG"):
        sampler_from({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": share})


def test_a_share_that_the_rule_does_not_take_means_nothing() -> None:
    environ = {"OTEL_TRACES_SAMPLER": "always_on", "OTEL_TRACES_SAMPLER_ARG": "anything"}

    assert sampler_from(environ) == Sampler(share=1.0, follows=False)


def recorded(sampler: Sampler, sender: SpanContext | None) -> tuple[list[str], SpanContext]:
    """The spans of a call and one below it that were recorded, and the context of the last."""
    spans = RecordedSpans()
    tracer = Tracer(clock=SystemClock(), sink=spans, sampler=sampler)
    with tracer.start("call", parent=sender) as call, tracer.start("below", parent=call) as below:
        pass
    return [span.name for span in spans.all()], below.context


def test_what_the_caller_does_not_sample_leaves_no_span_and_keeps_its_ids() -> None:
    names, last = recorded(Sampler(), NOT_SAMPLED)

    assert names == []
    assert last.trace_id == SENT.trace_id
    assert last.span_id != SENT.span_id
    assert not last.sampled


def test_a_whole_trace_is_recorded_or_none_of_it() -> None:
    assert recorded(Sampler(share=1.0), None)[0] == ["below", "call"]
    assert recorded(Sampler(share=0.0), None)[0] == []
    assert recorded(Sampler(share=1.0, follows=False), NOT_SAMPLED)[0] == ["below", "call"]


def test_whoever_is_not_recorded_says_so_downstream() -> None:
    _, last = recorded(Sampler(share=0.0, follows=False), SENT)

    assert not last.sampled


def test_where_nothing_is_recorded_the_senders_decision_goes_on() -> None:
    """Somebody further down may have a collector."""
    tracer = Tracer(clock=SystemClock(), sampler=Sampler(share=0.0, follows=False))

    assert tracer.start("call", parent=SENT).context.sampled
    assert not tracer.start("call").context.sampled


def test_the_state_of_a_trace_is_on_each_of_its_spans() -> None:
    _, last = recorded(Sampler(), SENT._replace(state="vendor=value"))

    assert last.state == "vendor=value"


@pytest.mark.parametrize(("rule", "sampled"), [("", True), ("always_off", False)])
async def test_a_service_does_what_its_environment_says(rule: str, sampled: bool) -> None:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_SAMPLER": rule}
    telemetry = telemetry_from(environ, service="relay", clock=SystemClock())

    assert telemetry.tracer.start("call").context.sampled is sampled
    assert telemetry.recorder is not None
    await telemetry.recorder.close(within=1.0)
