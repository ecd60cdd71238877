"""An event of a pod is what the API takes and `kubectl` shows."""

import json
from typing import Any

import pytest

from failsoft_router.ports import Notice
from failsoft_router.wire.pod_event import MAX_MESSAGE_BYTES, Pod, encode_pod_event

POD = Pod(name="failsoft-router-7d4f-x2x", namespace="failsoft", uid="a-uid")


def event(message: str = "all is well", *, is_trouble: bool = False) -> dict[str, Any]:
    notice = Notice(reason="PolicyLoaded", message=message, is_trouble=is_trouble)
    told: dict[str, Any] = json.loads(encode_pod_event(notice, POD, unix=1_800_000_000.9))
    return told


def test_it_is_found_by_its_pod_and_its_time() -> None:
    assert event() == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "failsoft-router-7d4f-x2x.", "namespace": "failsoft"},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "failsoft-router-7d4f-x2x",
            "namespace": "failsoft",
            "uid": "a-uid",
        },
        "type": "Normal",
        "reason": "PolicyLoaded",
        "message": "all is well",
        "source": {"component": "failsoft-router"},
        "firstTimestamp": "2027-01-15T08:00:00Z",
        "lastTimestamp": "2027-01-15T08:00:00Z",
        "count": 1,
    }


def test_trouble_is_a_warning() -> None:
    assert event(is_trouble=True)["type"] == "Warning"


@pytest.mark.parametrize("letter", ["a", "é", "語", "🙂"])
def test_a_long_message_is_cut_between_letters(letter: str) -> None:
    """The API refuses more bytes, and what is no UTF-8."""
    told = event(letter * 2000)["message"]

    assert told == letter * (len(told) - 1) + "…"
    assert MAX_MESSAGE_BYTES - 4 < len(told.encode()) <= MAX_MESSAGE_BYTES


def test_what_is_no_utf_8_in_a_message_is_a_question_mark() -> None:
    """It quotes files; what is told must not fail over them."""
    assert event("`targets.a\ud800` is unknown")["message"] == "`targets.a?` is unknown"


def test_a_message_that_just_fits_is_whole() -> None:
    assert event("a" * MAX_MESSAGE_BYTES)["message"] == "a" * MAX_MESSAGE_BYTES
