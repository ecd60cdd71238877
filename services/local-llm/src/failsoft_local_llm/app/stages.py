"""What the engine does for one request, as spans of its call: it reads, then it writes.

    (asked) --> reads --the first tokens, or the end of the answer--> writes
    writes --the end of the answer--> over
    reads, writes --the request ends--> over

A request that ends before its answer ends the stage that it is in, with the reason that its caller
gets; a caller who goes away is no error.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from failsoft_kit.telemetry import Span, Tracer, Value, current_span, error_type_of
from failsoft_local_llm import telemetry
from failsoft_local_llm.app.life import Serving
from failsoft_local_llm.app.progress import Progress


class Stages:
    """Of one request, made while its call's span is current."""

    def __init__(self, tracer: Tracer, so_far: Progress) -> None:
        """
        Args:
            so_far: What its answer has come to, now and later.
        """
        self._tracer = tracer
        self._so_far = so_far
        self._call = current_span()
        self._served: Mapping[str, Value] = {}
        self._open: Span | None = None
        self._writes = False

    def begin(self, serving: Serving, *, model: str, prompt_tokens: int) -> None:
        """The engine is asked from now on.

        Args:
            model: What it answers as: its own name, or that of an adapter.
        """
        self._served = {
            telemetry.RESPONSE_MODEL: model,
            telemetry.PROFILE: serving.candidate.profile,
            telemetry.DEGRADATION: serving.degradation.value,
        }
        self._tell_call({telemetry.PROVIDER: serving.candidate.engine, **self._served})
        self._open = self._start(telemetry.PREFILL, {telemetry.PROMPT_TOKENS: prompt_tokens})

    def heard(self) -> None:
        """The engine has said something; may hold no tokens."""
        so_far = self._so_far
        if not self._writes and (so_far.output_tokens or so_far.finish is not None):
            self._begin_to_write()

    def fail(self, error: Exception) -> None:
        """That ends the request."""
        if self._open is not None:
            self._open.fail(error_type_of(error))

    def end(self) -> None:
        """The engine does no more for the request."""
        if self._open is None:
            return
        if self._writes:
            self._open.set(telemetry.OUTPUT_TOKENS, self._so_far.output_tokens)
            self._tell_finish(self._open)
        self._open.end()

    def _begin_to_write(self) -> None:
        self._writes = True
        if self._open is not None:
            if self._so_far.cached_tokens:
                self._open.set(telemetry.CACHED_TOKENS, self._so_far.cached_tokens)
            self._open.end()
        self._open = self._start(telemetry.DECODE, {})

    def _tell_finish(self, decode: Span) -> None:
        if (finish := self._so_far.finish) is not None:
            decode.set(telemetry.FINISH_REASONS, (finish.value,))
            self._tell_call({telemetry.FINISH_REASONS: (finish.value,)})

    def _start(self, name: str, attributes: Mapping[str, Value]) -> Span:
        return self._tracer.start(
            name, parent=self._call, attributes={**self._served, **attributes}
        )

    def _tell_call(self, attributes: Mapping[str, Value]) -> None:
        if self._call is not None:
            for name, value in attributes.items():
                self._call.set(name, value)


@contextmanager
def stages(tracer: Tracer, so_far: Progress) -> Iterator[Stages]:
    """The stages of a request, which end with the block: leave it when the engine is done."""
    of_request = Stages(tracer, so_far)
    try:
        yield of_request
    except Exception as error:
        of_request.fail(error)
        raise
    finally:
        of_request.end()
