"""What is measured of walks, their hops and their calls to targets.

A cell is found by its labels each time, which costs a look into a dict: the names that a
policy brings are few, and known before its first walk.
"""

import asyncio
from collections.abc import Collection

from failsoft_kit.clock import Clock
from failsoft_kit.rpc.names import ERROR_TYPE
from failsoft_kit.telemetry import Meter, SpanContext
from failsoft_model.errors import FailsoftError
from failsoft_model.events import Finished
from failsoft_model.walk import Attempt, ErrorClass, Hop
from failsoft_router import metric_names, span_names
from failsoft_router.app.targets.board import Board
from failsoft_router.app.targets.boards import MakeBoard
from failsoft_router.app.telling.target_metrics import watch_targets
from failsoft_router.app.telling.tenant_metrics import TenantMetrics
from failsoft_router.core.breaker import Permit, Result
from failsoft_router.core.egress import Addresses
from failsoft_router.core.errors import (
    CallerFault,
    ContentRefused,
    ReaderStalled,
    RouteExhausted,
    StreamBroken,
    WalkDeadlinePassed,
)
from failsoft_router.core.policy import CACHE_HOP, MOCK_HOP, Policy, TargetPolicy

_CANCELLED = "cancelled"
_REASONS = (
    *(RouteExhausted, WalkDeadlinePassed, StreamBroken),
    *(CallerFault, ContentRefused, ReaderStalled),
    FailsoftError,
)
"""All that a walk raises; whatever else is the last, to the caller too."""


class Metrics:
    """Measures what becomes of requests.

    It has to know the names of a board before the board's first walk: `following` sees to that.

    Args:
        tenants: Who are told apart from all others; empty: nothing is told by tenant.
    """

    def __init__(self, meter: Meter, *, clock: Clock, tenants: Collection[str] = ()) -> None:
        reasons = {ERROR_TYPE.name: (_CANCELLED, *(each.reason for each in _REASONS))}
        classes = {ERROR_TYPE.name: [each.value for each in ErrorClass]}
        self._meter = meter
        self._clock = clock
        failed = {span_names.DEGRADATION: (metric_names.FAILED,)}
        self._walks = meter.counter(metric_names.WALKS, {**failed, **reasons})
        self._walk_durations = meter.histogram(metric_names.WALK_DURATION, failed)
        self._walk_calls = meter.histogram(metric_names.WALK_CALLS)
        self._walk_cache = meter.counter(metric_names.WALK_CACHE)
        self._hops = meter.counter(metric_names.HOPS)
        self._call_durations = meter.histogram(metric_names.CALL_DURATION, classes)
        self._first_contents = meter.histogram(metric_names.CALL_FIRST_CONTENT)
        self._tokens = meter.histogram(metric_names.CALL_TOKENS)
        self._probes = meter.counter(metric_names.PROBES)
        self._by_tenant = TenantMetrics(meter, tenants)

    def following(self, make: MakeBoard) -> MakeBoard:
        """Makes boards as `make` does, and follows each."""

        def made(policy: Policy, addresses: Addresses) -> Board:
            board = make(policy, addresses)
            self.follow(board)
            return board

        return made

    def follow(self, board: Board) -> None:
        """This board's names may be told from now on, and the state of its targets is.

        What was counted under names of earlier policies stays.
        """
        policy, meter = board.policy, self._meter
        routes = {span_names.ROUTE: policy.routes}
        targets = {span_names.HOP_TARGET: (*policy.targets, CACHE_HOP, MOCK_HOP)}
        asked = {
            span_names.PROVIDER: [
                span_names.provider_name(each.provider) for each in policy.targets.values()
            ],
            span_names.REQUEST_MODEL: [each.model for each in policy.targets.values()],
        }
        meter.counter(metric_names.WALKS, routes)
        meter.histogram(metric_names.WALK_DURATION, routes)
        meter.histogram(metric_names.WALK_CALLS, routes)
        meter.counter(metric_names.WALK_CACHE, routes)
        meter.counter(metric_names.HOPS, targets)
        meter.counter(metric_names.PROBES, targets)
        for name in (
            metric_names.CALL_DURATION,
            metric_names.CALL_FIRST_CONTENT,
            metric_names.CALL_TOKENS,
        ):
            meter.histogram(name, asked)
        watch_targets(meter, board, clock=self._clock)

    def walk_ended(
        self,
        end: Finished | BaseException,
        *,
        tenant: str,
        route: str,
        calls: int,
        took: float,
        context: SpanContext,
    ) -> None:
        """A walk is over.

        Args:
            end: What its caller got of it.
            calls: To targets.
            took: Seconds.
            context: Of its span.
        """
        if isinstance(end, Finished):
            got, error_type = end.degradation.value, ""
            if end.cache_status is not None:
                self._walk_cache.cell(route, end.cache_status.value).add()
        else:
            got, error_type = metric_names.FAILED, _error_type(end)
        self._walks.cell(route, got, error_type).add()
        self._walk_durations.cell(route, got).observe(took, context)
        self._walk_calls.cell(route).observe(calls)
        self._by_tenant.walk_ended(tenant, got)

    def hop_ended(self, hop: Hop) -> None:
        """Nothing more will come of a hop."""
        skipped = "" if hop.skip_reason is None else hop.skip_reason.value
        failed = "" if hop.error_class is None else hop.error_class.value
        self._hops.cell(hop.target, hop.outcome.value, skipped, failed).add()

    def call_ended(
        self, target: TargetPolicy, attempt: Attempt, *, tenant: str, context: SpanContext
    ) -> None:
        """A call to a target is over.

        Args:
            context: Of its span.
        """
        asked = (span_names.CHAT, span_names.provider_name(target.provider), target.model)
        failed = "" if attempt.error_class is None else attempt.error_class.value
        self._call_durations.cell(*asked, failed).observe(attempt.latency, context)
        if attempt.time_to_first_content is not None:
            first = attempt.time_to_first_content
            self._first_contents.cell(*asked).observe(first, context)
        if attempt.usage is not None:
            read, written = attempt.usage.input_tokens, attempt.usage.output_tokens
            self._tokens.cell(*asked, metric_names.INPUT).observe(read, context)
            self._tokens.cell(*asked, metric_names.OUTPUT).observe(written, context)
            self._by_tenant.call_ended(tenant, attempt.usage)

    def permit_returned(self, target: TargetPolicy, permit: Permit, health: Result) -> None:
        """A call is over as far as its target's health goes; counted if it was a probe's."""
        if not permit.probe:
            return
        stays_good = permit.judged and health is not Result.FAILED
        result = Result.OK if stays_good else health
        self._probes.cell(target.name, result.value).add()


def _error_type(error: BaseException) -> str:
    """The reason that the caller gets; one that has gone gets none."""
    if isinstance(error, asyncio.CancelledError):
        return _CANCELLED
    return error.reason if isinstance(error, _REASONS[:-1]) else FailsoftError.reason
