"""The span of one call to a target, in OpenTelemetry's words for generative AI.

Tokens are told here and on no other span, so that their sum over spans counts none twice.
A call that broke off has told none, whatever it has cost.
"""

from collections.abc import Iterable

from failsoft_kit.telemetry.context import SpanContext
from failsoft_kit.telemetry.span import Attributes, Kind, Span
from failsoft_kit.telemetry.tracer import Tracer
from failsoft_model.chat import Sampling
from failsoft_model.walk import Attempt, ErrorClass, Usage
from failsoft_router import span_names
from failsoft_router.ports import AttemptFailed, Ending


def begin(
    tracer: Tracer,
    parent: Span,
    constant: Attributes,
    *,
    attempt_id: str,
    sampling: Sampling,
    is_probe: bool,
    retry_of: SpanContext | None,
) -> Span:
    """The span of a call that begins now.

    Args:
        parent: The hop's.
        constant: What `call_attributes` says of the target.
        is_probe: It finds out whether the target is back.
        retry_of: The span of the attempt before it in the same hop; None: it is the first.
    """
    span = tracer.start(
        f"{span_names.ATTEMPT} {constant[span_names.REQUEST_MODEL]}",
        kind=Kind.CLIENT,
        parent=parent,
        attributes=constant,
    )
    if span.recording:
        span.set(span_names.ATTEMPT_ID, attempt_id)
        for name, value in _asked(sampling):
            if value is not None:
                span.set(name, value)
        if is_probe:
            span.set(span_names.ATTEMPT_PROBES, is_probe)
        if retry_of is not None:
            span.link(retry_of, {span_names.LINK: span_names.RETRY_OF})
    return span


def goes_to(span: Span, address: str) -> None:
    """Its target has several endpoints, and this is the one that is called, as `host:port`."""
    host, _, port = address.rpartition(":")
    span.set(span_names.SERVER_ADDRESS, host.strip("[]"))
    span.set(span_names.SERVER_PORT, int(port))


def end(span: Span, attempt: Attempt, result: Ending | AttemptFailed) -> None:
    """The call is over; a caller who went away is no error."""
    if span.recording:
        if attempt.time_to_first_content is not None:
            span.set(span_names.TIME_TO_FIRST_CHUNK, attempt.time_to_first_content)
        if isinstance(result, Ending):
            _describe_answer(span, result)
        else:
            _describe_failure(span, result)
    span.end()


def _describe_answer(span: Span, ending: Ending) -> None:
    span.set(span_names.RESPONSE_MODEL, ending.model)
    if ending.response_id:
        span.set(span_names.RESPONSE_ID, ending.response_id)
    span.set(span_names.FINISH_REASONS, (ending.finish_reason.value,))
    if ending.usage is not None:
        for name, tokens in _used(ending.usage):
            span.set(name, tokens)


def _describe_failure(span: Span, failure: AttemptFailed) -> None:
    span.set(span_names.ERROR_CLASS, failure.error_class.value)
    if failure.http_status:
        span.set(span_names.HTTP_STATUS, failure.http_status)
    if failure.error_class is ErrorClass.STALL:
        span.event(span_names.STALL)
    if failure.error_class is not ErrorClass.CANCELLED:
        span.fail(failure.error_class.value)


def _asked(sampling: Sampling) -> Iterable[tuple[str, float | None]]:
    """Stop sequences are not among them: they are words of the caller's."""
    return (
        (span_names.TEMPERATURE, sampling.temperature),
        (span_names.TOP_P, sampling.top_p),
        (span_names.TOP_K, sampling.top_k),
        (span_names.MAX_TOKENS, sampling.max_tokens),
        (span_names.SEED, sampling.seed),
        (span_names.PRESENCE_PENALTY, sampling.presence_penalty),
        (span_names.FREQUENCY_PENALTY, sampling.frequency_penalty),
    )


def _used(usage: Usage) -> Iterable[tuple[str, int]]:
    yield span_names.INPUT_TOKENS, usage.input_tokens
    yield span_names.OUTPUT_TOKENS, usage.output_tokens
    if usage.cached_input_tokens:
        yield span_names.CACHED_TOKENS, usage.cached_input_tokens
    if usage.reasoning_tokens:
        yield span_names.REASONING_TOKENS, usage.reasoning_tokens
