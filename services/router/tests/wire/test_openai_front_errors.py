"""Errors as OpenAI's clients are told them: every one of ours has a form."""

import importlib

import orjson
import pytest

from failsoft_model.errors import Code, FailsoftError, FieldViolation, InvalidRequest
from failsoft_model.walk import ErrorClass, Hop, HopOutcome
from failsoft_router.core.errors import RouteExhausted, RouteNotFound
from failsoft_router.wire.openai_front.errors import BY_CODE, BY_REASON, encode_error


class Refused(FailsoftError):
    """A limit of somebody's."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "SOME_LIMIT"


EXHAUSTED = RouteExhausted(
    "no hop of the route could answer: a failed (transient)",
    hops=[Hop(position=1, target="a", outcome=HopOutcome.FAILED, error_class=ErrorClass.TRANSIENT)],
    cause=ErrorClass.TRANSIENT,
    walk_id="w1",
    route="chat",
    trace_id="ab",
    retry_after=2.3,
)


def test_every_code_has_a_form() -> None:
    assert BY_CODE.keys() == set(Code)
    assert all(400 <= form.status < 600 for form in (*BY_CODE.values(), *BY_REASON.values()))


def test_every_reason_that_has_a_form_of_its_own_exists() -> None:
    for module in ("failsoft_kit.http.errors", "failsoft_kit.identity.errors"):
        importlib.import_module(module)

    def reasons(kind: type[FailsoftError]) -> set[str]:
        return {kind.reason}.union(*(reasons(each) for each in kind.__subclasses__()))

    assert BY_REASON.keys() <= reasons(FailsoftError)


def test_an_exhausted_walk_is_not_to_be_tried_again_by_the_client_itself() -> None:
    told = encode_error(EXHAUSTED, request_id="r1")

    body = orjson.loads(told.body)
    assert told.status == 503
    assert dict(told.headers) == {
        "x-should-retry": "false",
        "retry-after": "3",
        "retry-after-ms": "2300",
        "x-failsoft-walk-id": "w1",
        "x-failsoft-trace-id": "ab",
    }
    assert body["error"] == {
        "message": EXHAUSTED.message,
        "type": "server_error",
        "param": None,
        "code": "route_exhausted",
    }
    assert body["failsoft"]["cause"] == "transient"
    assert body["failsoft"]["hops"][0]["error_class"] == "transient"


def test_the_first_field_that_is_wrong_is_the_param() -> None:
    violations = [
        FieldViolation(field="messages[0].role", description="required"),
        FieldViolation(field="n", description="must be 1"),
    ]
    told = encode_error(InvalidRequest("wrong", violations=violations), request_id="r1")

    body = orjson.loads(told.body)
    assert told.status == 400
    assert body["error"]["param"] == "messages[0].role"
    assert [each["param"] for each in body["failsoft"]["violations"]] == ["messages[0].role", "n"]


def test_no_text_of_an_error_keeps_it_from_being_told() -> None:
    told = encode_error(RouteNotFound("half of a pair: \ud800"), request_id="r1")

    assert orjson.loads(told.body)["error"]["message"] == "half of a pair: ?"


def test_an_unknown_model_is_told_as_openai_tells_it() -> None:
    told = encode_error(RouteNotFound("no route"), request_id="r1")

    error = orjson.loads(told.body)["error"]
    assert told.status == 404
    assert (error["code"], error["param"]) == ("model_not_found", "model")


@pytest.mark.parametrize(("hint", "seconds"), [(0.0, "0"), (0.2, "1"), (99999.0, "3600")])
def test_a_hint_is_whole_seconds_and_no_longer_than_an_hour(hint: float, seconds: str) -> None:
    told = dict(encode_error(Refused("full", retry_after=hint), request_id="r1").headers)

    assert told["retry-after"] == seconds
    assert told["x-should-retry"] == "true"
