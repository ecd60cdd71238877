"""The mock's place in a walk: instant for unary callers, at a pace for those who read along."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from failsoft_kit.testing import virtual_time
from failsoft_model.chat import ResponseFormat, ResponseFormatKind
from failsoft_model.events import Delta, Finished
from failsoft_model.walk import SkipReason
from failsoft_router.core.errors import RouteExhausted

if TYPE_CHECKING:
    from collections.abc import Callable

    from failsoft_model.chat import ChatRequest
    from failsoft_model.events import Event
    from services.router.tests.app.conftest import Stage

LONG = "Tell me in 300 words, please."


@virtual_time.test
async def test_a_unary_caller_does_not_wait_for_a_mock(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(hops=("mock",))

    await router.ask(question(LONG))

    assert router.after() == 0.0


@virtual_time.test
async def test_a_reader_gets_a_mock_in_pieces_with_pauses(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(hops=("mock",))

    events = await router.stream(question(LONG))

    assert len([event for event in events if isinstance(event, Delta)]) > 30
    assert 0.5 < router.after() <= 2.001


@virtual_time.test
async def test_a_mock_hurries_when_the_deadline_is_near(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(hops=("mock",))

    events = await router.stream(question(LONG), within=0.1)

    assert isinstance(events[-1], Finished)
    assert router.after() == pytest.approx(0.08)


@virtual_time.test
async def test_a_slow_reader_is_not_made_to_wait_for_a_mock(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(hops=("mock",))

    async def slow(event: Event) -> None:
        await asyncio.sleep(1.0)

    events = await router.stream(question(), reader=slow)

    assert router.after() == pytest.approx(len(events), abs=0.5)


@virtual_time.test
async def test_a_mock_that_cannot_have_the_form_is_skipped(
    stage: type[Stage], question: Callable[..., ChatRequest]
) -> None:
    router = stage(hops=("mock",))
    form = ResponseFormat(kind=ResponseFormatKind.JSON_SCHEMA, name="x", schema_json='{"if": true}')

    error = await router.refused(replace(question(), response_format=form))

    assert isinstance(error, RouteExhausted)
    assert [hop.skip_reason for hop in error.hops] == [SkipReason.CAPABILITY]
    assert error.hops[0].detail == "the schema uses `if`"
