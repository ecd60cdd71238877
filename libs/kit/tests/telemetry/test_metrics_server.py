"""Metrics over HTTP: to whom they are told, and what nobody can do to the service."""

import asyncio
import http.client
import secrets
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from failsoft_kit.identity import ServiceToken
from failsoft_kit.startup import StartupError
from failsoft_kit.telemetry import Meter
from failsoft_kit.telemetry.metrics_server import MetricsPort, serving_metrics
from failsoft_kit.testing.metrics import UP

pytestmark = pytest.mark.integration


def port_at(address: str, *, token: ServiceToken | None = None) -> MetricsPort:
    return MetricsPort(address=address, setting="x.metrics_address", token=token)


def get(port: int, path: str = "/metrics", **headers: str) -> tuple[int, str]:
    """The status, and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10.0)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def samples(text: str) -> dict[str, float]:
    """Every sample without its labels."""
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Engine(Collector):
    """Something else that has metrics."""

    def collect(self) -> list[Metric]:
        return [GaugeMetricFamily("engine:busy", "Busy.", value=7.0)]


@pytest.fixture
async def port(meter: Meter) -> AsyncIterator[int]:
    async with serving_metrics(
        port_at("127.0.0.1:0"), meter, resource={"service.name": "router"}, others=[Engine()]
    ) as port:
        yield port


async def test_a_scrape_tells_what_is_so_now(meter: Meter, port: int) -> None:
    gauge = meter.gauge(UP).cell()
    for value in (1.0, 2.0):
        gauge.set(value)
        status, text = await asyncio.to_thread(get, port)
        assert status == 200
        assert samples(text)["failsoft_up"] == value


async def test_a_scrape_tells_of_the_process_and_of_what_else_is_measured(port: int) -> None:
    _, text = await asyncio.to_thread(get, port)
    assert 'target_info{service_name="router"} 1.0' in text
    assert samples(text)["engine:busy"] == 7.0
    assert samples(text)["process_resident_memory_bytes"] > 0


async def test_there_is_nothing_else(port: int) -> None:
    status, _ = await asyncio.to_thread(get, port, "/")
    assert status == 404


@pytest.fixture
def token(tmp_path: Path) -> ServiceToken:
    file = tmp_path / "token"
    file.write_text(secrets.token_hex(32))
    return ServiceToken.from_file(file)


async def test_another_machine_has_to_show_the_token(meter: Meter, token: ServiceToken) -> None:
    async with serving_metrics(port_at("0.0.0.0:0", token=token), meter, resource={}) as port:
        status, text = await asyncio.to_thread(get, port)
        assert status == 401
        assert "failsoft_" not in text
        assert "metrics_token_file" in text
        status, _ = await asyncio.to_thread(get, port, authorization="Bearer wrong")
        assert status == 401
        status, _ = await asyncio.to_thread(get, port, authorization=token.authorization())
        assert status == 200


async def test_a_port_for_everybody_needs_a_token(meter: Meter) -> None:
    with pytest.raises(StartupError) as refused:
        async with serving_metrics(port_at("0.0.0.0:0"), meter, resource={}):
            pass
    assert "x.metrics_address" in str(refused.value)


async def test_a_port_that_is_taken_is_said(meter: Meter, port: int) -> None:
    with pytest.raises(StartupError) as refused:
        async with serving_metrics(port_at(f"127.0.0.1:{port}"), meter, resource={}):
            pass
    assert "in use" in str(refused.value)


async def test_connections_that_say_nothing_are_bounded(port: int) -> None:
    """Who opens many and says nothing gets no thread for each."""
    silent = [socket.create_connection(("127.0.0.1", port), timeout=10.0) for _ in range(12)]
    try:
        refused = await asyncio.gather(*(asyncio.to_thread(_is_shut, each) for each in silent[8:]))
        assert all(refused)
    finally:
        for each in silent:
            each.close()


def _is_shut(connection: socket.socket) -> bool:
    return connection.recv(1) == b""


async def test_the_end_waits_for_nobody_who_says_nothing(meter: Meter) -> None:
    async with serving_metrics(port_at("127.0.0.1:0"), meter, resource={}) as port:
        silent = socket.create_connection(("127.0.0.1", port), timeout=10.0)
    with silent, pytest.raises(OSError), socket.create_connection(("127.0.0.1", port)):
        pass
