"""The model and the contract name the same things."""

import enum
import inspect

import pytest

from failsoft.inference.v1 import chat_pb2, inference_service_pb2, walk_pb2
from failsoft_kit.wire import enums
from failsoft_kit.wire.enums import EnumMap, error_class
from failsoft_model import chat, walk
from failsoft_model.walk import ErrorClass

MAPS = {name: value for name, value in inspect.getmembers(enums) if isinstance(value, EnumMap)}
CONTRACT = {
    descriptor.name: descriptor
    for file in (chat_pb2, walk_pb2, inference_service_pb2)
    for descriptor in file.DESCRIPTOR.enum_types_by_name.values()
}


def model_of(enum_map: EnumMap[enum.Enum, int]) -> type[enum.Enum]:
    return type(next(iter(enum_map.number)))


@pytest.mark.parametrize("name", MAPS)
def test_every_member_has_its_value_and_every_value_its_member(name: str) -> None:
    """A value that only one side knows would be lost on the way."""
    enum_map = MAPS[name]
    model = model_of(enum_map)
    values = CONTRACT[model.__name__].values_by_number

    assert set(enum_map.number) == set(model)
    assert set(enum_map.number.values()) == set(values) - {0}
    for member, number in enum_map.number.items():
        assert enum_map.member[number] is member
        assert values[number].name.endswith(f"_{member.name}")


def test_every_enum_of_the_contract_has_its_map() -> None:
    assert {model_of(enum_map).__name__ for enum_map in MAPS.values()} == set(CONTRACT)


def test_every_enum_of_the_model_s_requests_and_walks_has_its_map() -> None:
    ours = {
        value
        for module in (chat, walk)
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, enum.Enum)
    }

    assert {model_of(enum_map) for enum_map in MAPS.values()} == ours


@pytest.mark.parametrize("name", MAPS)
def test_the_unspecified_and_the_unknown_have_no_member(name: str) -> None:
    """Each field says for itself what they mean."""
    assert not {0, -1, 9999} & set(MAPS[name].member)


def test_a_member_that_the_contract_lacks_is_noticed_at_once() -> None:
    class Mood(enum.Enum):
        GRIM = "grim"

    with pytest.raises(ValueError, match="ROLE_GRIM"):
        EnumMap(Mood, chat_pb2.Role)


def test_a_peer_s_class_of_a_later_contract_is_an_unknown_one() -> None:
    assert error_class(walk_pb2.ERROR_CLASS_UNSPECIFIED) is None
    assert error_class(walk_pb2.ERROR_CLASS_STALL) is ErrorClass.STALL
    assert error_class(walk_pb2.ErrorClass.ValueType(999)) is ErrorClass.UNKNOWN
