"""What Kubernetes says of a service's endpoints is understood as the API means it."""

import json
from collections.abc import Mapping

import pytest

from failsoft_router.core.endpoints import Endpoint
from failsoft_router.wire.endpoint_slices import Refused, Slices

Json = Mapping[str, object]


def pod(address: str, **conditions: bool | None) -> Json:
    return {"addresses": [address], "conditions": conditions, "targetRef": {"kind": "Pod"}}


def slice_(name: str, *endpoints: Json, version: str = "1", **fields: object) -> Json:
    return {
        "metadata": {"name": name, "resourceVersion": version, "labels": {}},
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [
            {"name": "metrics", "port": 9090, "protocol": "TCP"},
            {"name": "grpc", "port": 50051, "protocol": "TCP"},
        ],
        **fields,
    }


def listed(*slices: Json, version: str = "10") -> bytes:
    return json.dumps(
        {"kind": "EndpointSliceList", "metadata": {"resourceVersion": version}, "items": slices}
    ).encode()


def event(kind: str, object_: object) -> bytes:
    return json.dumps({"type": kind, "object": object_}).encode()


def of(*slices: Json, port: str = "grpc") -> Slices:
    known = Slices(port)
    known.replace(listed(*slices))
    return known


def addresses(known: Slices) -> dict[str, bool]:
    return {endpoint.address: endpoint.ready for endpoint in known.endpoints()}


def test_a_list_tells_every_endpoint_of_the_port() -> None:
    known = of(
        slice_("a", pod("10.0.0.2", ready=True), pod("10.0.0.1", ready=False)),
        slice_("b", pod("10.0.0.3", ready=True)),
    )

    assert known.version == "10"
    assert known.endpoints() == (
        Endpoint(address="10.0.0.1:50051", ready=False),
        Endpoint(address="10.0.0.2:50051", ready=True),
        Endpoint(address="10.0.0.3:50051", ready=True),
    )


def test_a_port_may_be_named_by_its_number() -> None:
    known = of(slice_("a", pod("10.0.0.1", ready=True)), port="9090")

    assert addresses(known) == {"10.0.0.1:9090": True}


def test_a_slice_without_the_port_has_no_endpoints() -> None:
    known = of(
        slice_("a", pod("10.0.0.1", ready=True), ports=[{"name": "http", "port": 80}]),
        slice_("b", pod("10.0.0.2", ready=True), ports=None),
        slice_("c", pod("10.0.0.3", ready=True), ports=[{"name": "grpc"}]),
    )

    assert known.endpoints() == ()


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ({}, True),
        ({"ready": None}, True),
        ({"ready": True, "serving": True, "terminating": False}, True),
        ({"ready": False}, False),
        ({"ready": False, "serving": True, "terminating": True}, False),
        ({"ready": True, "serving": True, "terminating": True}, False),
        ({"ready": True, "serving": False}, False),
    ],
)
def test_an_endpoint_is_ready_unless_something_says_otherwise(
    conditions: dict[str, bool | None], *, ready: bool
) -> None:
    """A service that publishes pods before they are ready says `ready` of all of them."""
    assert addresses(of(slice_("a", pod("10.0.0.1", **conditions)))) == {"10.0.0.1:50051": ready}


def test_an_endpoint_without_conditions_is_ready() -> None:
    known = of(slice_("a", {"addresses": ["10.0.0.1"]}))

    assert addresses(known) == {"10.0.0.1:50051": True}


def test_an_endpoint_in_two_slices_is_one_and_ready_if_either_says_so() -> None:
    known = of(slice_("a", pod("10.0.0.1", ready=True)), slice_("b", pod("10.0.0.1", ready=False)))

    assert addresses(known) == {"10.0.0.1:50051": True}


def test_of_two_families_each_pod_is_called_by_one() -> None:
    six = slice_("b", pod("fd00::1", ready=True), addressType="IPv6")

    assert addresses(of(slice_("a", pod("10.0.0.1", ready=True)), six)) == {"10.0.0.1:50051": True}
    assert addresses(of(slice_("a"), six)) == {"[fd00::1]:50051": True}


def test_names_are_no_addresses() -> None:
    named = slice_("a", pod("example.com", ready=True), addressType="FQDN")

    assert of(named).endpoints() == ()


@pytest.mark.parametrize("nothing", [[], None])
def test_a_service_without_pods_has_none(nothing: object) -> None:
    assert of(slice_("a", endpoints=nothing)).endpoints() == ()


def test_changes_are_followed_and_the_version_with_them() -> None:
    known = of(slice_("a", pod("10.0.0.1", ready=False)))

    assert known.apply(event("MODIFIED", slice_("a", pod("10.0.0.1", ready=True), version="11")))
    assert addresses(known) == {"10.0.0.1:50051": True}
    assert known.apply(event("ADDED", slice_("b", pod("10.0.0.2", ready=True), version="12")))
    assert addresses(known) == {"10.0.0.1:50051": True, "10.0.0.2:50051": True}
    assert known.apply(event("DELETED", slice_("a", version="13")))
    assert addresses(known) == {"10.0.0.2:50051": True}
    assert known.version == "13"


def test_a_bookmark_is_a_version_and_nothing_else() -> None:
    known = of(slice_("a", pod("10.0.0.1", ready=True)))
    mark = {"kind": "EndpointSlice", "metadata": {"resourceVersion": "77"}, "endpoints": None}

    assert not known.apply(event("BOOKMARK", mark))
    assert known.version == "77"
    assert addresses(known) == {"10.0.0.1:50051": True}


def test_a_list_takes_the_place_of_all_that_was_known() -> None:
    known = of(slice_("a", pod("10.0.0.1", ready=True)))
    known.replace(listed(slice_("b", pod("10.0.0.2", ready=True)), version="20"))

    assert addresses(known) == {"10.0.0.2:50051": True}
    assert known.version == "20"


@pytest.mark.parametrize(("code", "expired"), [(410, True), (500, False)])
def test_an_error_in_a_watch_ends_it(code: int, *, expired: bool) -> None:
    known = of(slice_("a", pod("10.0.0.1", ready=True)))
    with pytest.raises(Refused) as refused:
        known.apply(event("ERROR", {"kind": "Status", "code": code, "reason": "Expired"}))

    assert refused.value.expired is expired
    assert addresses(known) == {"10.0.0.1:50051": True}


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"type": "ADDED"}', event("ADDED", {"metadata": {}})]
)
def test_what_is_no_event_changes_nothing(line: bytes) -> None:
    known = of(slice_("a", pod("10.0.0.1", ready=True)))
    with pytest.raises(ValueError):
        known.apply(line)

    assert addresses(known) == {"10.0.0.1:50051": True}
