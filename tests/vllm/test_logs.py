"""What a service with vLLM writes to stderr, from its start until it serves.

Another test may have killed its engine before, and Python writes of that in its own words.
"""

import json
from itertools import takewhile

import pytest
from vllm_service import VllmService

pytestmark = [pytest.mark.integration, pytest.mark.vllm]


def test_every_line_of_every_process_is_an_event(tiny: VllmService) -> None:
    """The service's own, those of vLLM within it, of its scheduler and of its worker."""
    tiny.wait_until_serving()
    events = (json.loads(line) for line in tiny.log.read_text().splitlines())

    start = list(takewhile(lambda event: event["event"] != "engine.serving", events))

    assert {event["service"] for event in start} == {"failsoft-local-llm"}
    assert {event.get("logger") for event in start} >= {
        "vllm.config.model",
        "vllm.v1.engine.core",
        "vllm.v1.worker.cpu_worker",
    }
