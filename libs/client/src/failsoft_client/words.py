"""Enum numbers of the contract as words for people."""

from google.protobuf.descriptor import EnumDescriptor


def word(enum: EnumDescriptor, number: int) -> str:
    """The value's name without its enum's: "STALE_CACHE"; the number, if it is of a later contract.

    Works for any enum of the contract, such as `word(HopOutcome.DESCRIPTOR, hop.outcome)`.
    """
    value = enum.values_by_number.get(number)
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return str(number) if value is None else value.name.removeprefix(prefix)
