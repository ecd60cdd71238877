"""Metrics as OTLP protobuf: sums since the start of the process, never since the last batch.

A batch that gets lost costs nothing then: the next one says all that it said.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1 import metrics_pb2

from failsoft_kit.telemetry.cells import Exemplar
from failsoft_kit.telemetry.encoding import (
    SCHEMA_URL,
    SCOPE,
    encoded_resource,
    fill_attributes,
    nanoseconds,
)
from failsoft_kit.telemetry.names import MetricName, MetricType
from failsoft_kit.telemetry.readings import Distribution, LabelValues, Reading

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_CUMULATIVE = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE


class MetricsEncoder:
    """Encodes the metrics of one process.

    Args:
        resource: What the process is; it has to tell it from every other one that sends the same.
        started_at: When every sum was 0; seconds since the epoch.
    """

    def __init__(self, resource: Mapping[str, str], *, started_at: float) -> None:
        self._resource = encoded_resource(resource)
        self._start = nanoseconds(started_at)

    def encode(self, readings: Sequence[Reading], *, at: float) -> bytes:
        """A serialized `ExportMetricsServiceRequest`.

        Args:
            at: When it was read; seconds since the epoch.
        """
        request = ExportMetricsServiceRequest()
        of_resource = request.resource_metrics.add(resource=self._resource, schema_url=SCHEMA_URL)
        of_scope = of_resource.scope_metrics.add(
            scope=InstrumentationScope(name=SCOPE), schema_url=SCHEMA_URL
        )
        now = nanoseconds(at)
        for reading in readings:
            name = reading.name
            metric = of_scope.metrics.add(
                name=name.name, unit=name.unit, description=name.description
            )
            match name.type:
                case MetricType.COUNTER | MetricType.UP_DOWN_COUNTER:
                    metric.sum.aggregation_temporality = _CUMULATIVE
                    metric.sum.is_monotonic = name.type is MetricType.COUNTER
                    self._add_numbers(metric.sum.data_points, reading, now)
                case MetricType.GAUGE:
                    self._add_numbers(metric.gauge.data_points, reading, now)
                case MetricType.HISTOGRAM:
                    metric.histogram.aggregation_temporality = _CUMULATIVE
                    self._add_distributions(metric.histogram.data_points, reading, now)
        return request.SerializeToString()

    def _add_numbers(
        self,
        to: "RepeatedCompositeFieldContainer[metrics_pb2.NumberDataPoint]",
        reading: Reading,
        now: int,
    ) -> None:
        for point in reading.points:
            if not isinstance(point.value, Distribution):
                encoded = to.add(
                    start_time_unix_nano=self._start, time_unix_nano=now, as_double=point.value
                )
                fill_attributes(encoded.attributes, _attributes(reading.name, point.labels))

    def _add_distributions(
        self,
        to: "RepeatedCompositeFieldContainer[metrics_pb2.HistogramDataPoint]",
        reading: Reading,
        now: int,
    ) -> None:
        for point in reading.points:
            if isinstance(point.value, Distribution):
                encoded = to.add(
                    start_time_unix_nano=self._start,
                    time_unix_nano=now,
                    count=sum(point.value.counts),
                    sum=point.value.sum,
                    bucket_counts=point.value.counts,
                    explicit_bounds=reading.name.buckets,
                )
                fill_attributes(encoded.attributes, _attributes(reading.name, point.labels))
                for exemplar in filter(None, point.value.exemplars):
                    _add_exemplar(encoded, exemplar)


def _attributes(name: MetricName, labels: LabelValues) -> Mapping[str, str]:
    """Those that apply."""
    pairs = zip(name.labels, labels, strict=True)
    return {label.name: value for label, value in pairs if value}


def _add_exemplar(to: metrics_pb2.HistogramDataPoint, exemplar: Exemplar) -> None:
    to.exemplars.add(
        time_unix_nano=nanoseconds(exemplar.at),
        as_double=exemplar.value,
        trace_id=exemplar.context.trace_id.to_bytes(16, "big"),
        span_id=exemplar.context.span_id.to_bytes(8, "big"),
    )
