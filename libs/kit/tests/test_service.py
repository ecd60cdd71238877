"""What services have in common."""

import pytest
from pydantic import ValidationError

from failsoft.inference.v1 import inference_service_pb2 as pb
from failsoft_kit.identity import Access
from failsoft_kit.rpc.access import access_table
from failsoft_kit.service import ServiceSettings, address_field, drain_field
from failsoft_kit.settings import Duration, describe

INFERENCE = pb.DESCRIPTOR.services_by_name["InferenceService"]
DEMANDS = {method.name: Access.TENANT for method in INFERENCE.methods}


class RelaySettings(ServiceSettings):
    """A service's own."""

    address: str = address_field("127.0.0.1:50099")
    drain: Duration = drain_field(7.0)


def test_a_table_names_methods_as_a_listener_wants_them() -> None:
    table = access_table(INFERENCE, DEMANDS)

    assert table["failsoft.inference.v1.InferenceService/Generate"] is Access.TENANT
    assert len(table) == len(DEMANDS)


def test_a_table_that_forgets_or_invents_a_method_is_refused() -> None:
    """A forgotten one would be refused to everybody, in production for the first time."""
    missing = {name: access for name, access in DEMANDS.items() if name != "ListModels"}

    with pytest.raises(ValueError, match="ListModels"):
        access_table(INFERENCE, missing)
    with pytest.raises(ValueError, match="ListModel_"):
        access_table(INFERENCE, {**DEMANDS, "ListModel_": Access.TENANT})


def test_a_service_has_the_common_settings_with_defaults_of_its_own() -> None:
    rows = {row.path: row.default for row in describe(RelaySettings, "relay")}

    assert rows["relay.address"] == "127.0.0.1:50099"
    assert rows["relay.drain"] == "7s"
    assert {"relay.service_token_file", "relay.max_calls", "relay.log.level"} <= rows.keys()
    assert RelaySettings().service_token() is None


def test_a_drain_of_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValidationError):
        RelaySettings(drain=-1.0)
