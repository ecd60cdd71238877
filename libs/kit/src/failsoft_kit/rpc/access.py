"""A service's authorisation table, checked against its contract."""

from collections.abc import Mapping

from google.protobuf.descriptor import ServiceDescriptor

from failsoft_kit.identity import Access


def access_table(service: ServiceDescriptor, demands: Mapping[str, Access]) -> Mapping[str, Access]:
    """What each method of a service demands, by the full names that a listener wants.

    Args:
        service: From the contract: `…_pb2.DESCRIPTOR.services_by_name["CacheService"]`.
        demands: What each method demands, by its short name.

    Raises:
        ValueError: a method of the contract is missing, or there is none of that name.
    """
    methods = {method.name for method in service.methods}
    if wrong := sorted(methods ^ demands.keys()):
        raise ValueError(f"{service.full_name} has other methods than its table: {wrong}")
    return {f"{service.full_name}/{method}": access for method, access in demands.items()}
