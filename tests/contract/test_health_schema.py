"""The published schema of `GET /health` says what the code can say, and explains every field."""

import pytest
from health_schema import Schema, check, objects, published

from failsoft_model.chat import Degradation
from failsoft_model.walk import SkipReason
from failsoft_router.app.health.neighbourhood import ServiceKind
from failsoft_router.app.health.report import Status
from failsoft_router.app.targets.state import CredentialState
from failsoft_router.core.breaker import State
from failsoft_router.core.policy import Provider, TargetKind

OBJECTS = dict(objects(published()))


def field(path: str) -> Schema:
    parent, _, name = path.rpartition(".")
    found: Schema = OBJECTS[parent]["properties"][name]
    return found


def test_the_schema_is_one() -> None:
    check()


@pytest.mark.parametrize("path", OBJECTS)
def test_every_field_is_explained_always_there_and_the_only_one(path: str) -> None:
    """A reader never has to ask whether a field may be absent, or what it means."""
    schema = OBJECTS[path]

    assert schema["additionalProperties"] is False
    assert schema["required"] == list(schema["properties"])
    assert [name for name, each in schema["properties"].items() if "description" not in each] == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("status", [each.value for each in Status]),
        ("services[].kind", [each.value for each in ServiceKind]),
        ("targets[].provider", [each.value for each in Provider]),
        ("targets[].kind", [each.value for each in TargetKind]),
        ("targets[].credential", [each.value for each in CredentialState]),
        ("targets[].breaker.state", [each.value for each in State]),
    ],
)
def test_the_words_of_a_field_are_the_codes(path: str, words: list[str]) -> None:
    assert field(path)["enum"] == words


def test_gates_are_called_what_hops_are_skipped_for() -> None:
    assert set(field("targets[].gates[].skip_reason")["enum"]) < {each.value for each in SkipReason}


def test_walks_are_told_by_every_degradation() -> None:
    counted = OBJECTS["walks.by_degradation"]["properties"]

    assert list(counted) == [each.value for each in Degradation]
