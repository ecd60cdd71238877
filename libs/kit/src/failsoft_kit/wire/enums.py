"""Enums of the model and their twins in the contract, matched by name."""

import enum
from typing import TYPE_CHECKING, Generic, TypeVar

from failsoft.inference.v1 import chat_pb2, inference_service_pb2, walk_pb2
from failsoft_model.chat import Criticality, Degradation, ResponseFormatKind, Role, ToolChoiceMode
from failsoft_model.walk import (
    CacheStatus,
    Capability,
    ErrorClass,
    FinishReason,
    HopOutcome,
    PlaceReason,
    SkipReason,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper

M = TypeVar("M", bound=enum.Enum)
N = TypeVar("N", bound=int)


class EnumMap(Generic[M, N]):
    """The numbers of a model enum's members, and the members of the contract's numbers.

    `member` has no entry for the contract's UNSPECIFIED and for numbers of later contracts:
    what these mean depends on the field.
    """

    __slots__ = ("member", "number")

    def __init__(self, model: type[M], contract: "_EnumTypeWrapper[N]") -> None:
        """Every member must have its value in the contract; KeyError or ValueError otherwise."""
        prefix = contract.DESCRIPTOR.values_by_number[0].name.removesuffix("UNSPECIFIED")
        self.number: Mapping[M, N] = {
            member: contract.Value(prefix + member.name) for member in model
        }
        self.member: Mapping[N, M] = {number: member for member, number in self.number.items()}


ROLE = EnumMap(Role, chat_pb2.Role)
TOOL_CHOICE_MODE = EnumMap(ToolChoiceMode, chat_pb2.ToolChoiceMode)
RESPONSE_FORMAT_KIND = EnumMap(ResponseFormatKind, chat_pb2.ResponseFormatKind)
CRITICALITY = EnumMap(Criticality, chat_pb2.Criticality)
DEGRADATION = EnumMap(Degradation, chat_pb2.Degradation)
HOP_OUTCOME = EnumMap(HopOutcome, walk_pb2.HopOutcome)
PLACE_REASON = EnumMap(PlaceReason, walk_pb2.PlaceReason)
SKIP_REASON = EnumMap(SkipReason, walk_pb2.SkipReason)
ERROR_CLASS = EnumMap(ErrorClass, walk_pb2.ErrorClass)
FINISH_REASON = EnumMap(FinishReason, walk_pb2.FinishReason)
CACHE_STATUS = EnumMap(CacheStatus, walk_pb2.CacheStatus)
CAPABILITY = EnumMap(Capability, inference_service_pb2.Capability)


def error_class(number: walk_pb2.ErrorClass.ValueType) -> ErrorClass | None:
    """What a peer says was wrong; a class of a later contract is UNKNOWN. None: nothing was."""
    if number == walk_pb2.ERROR_CLASS_UNSPECIFIED:
        return None
    return ERROR_CLASS.member.get(number, ErrorClass.UNKNOWN)
