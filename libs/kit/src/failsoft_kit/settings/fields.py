"""The settings of a model, one by one: where each is written and what it holds."""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr
from pydantic.fields import FieldInfo


class Settings(BaseModel):
    """Base of every settings model: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SecretSource(Settings):
    """Says where a secret is. Who misreads that writes the secret itself, so nothing is quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One setting: a field that holds a value and not more fields."""

    path: tuple[str, ...]
    """From the top of the YAML file, the section first."""
    variable: str
    """The environment variable that sets it."""
    info: FieldInfo

    @property
    def is_text(self) -> bool:
        """Whether a variable's text is the value as it stands; else it is read as YAML."""
        return not any(
            is_model(part) or typing.get_origin(part) not in {None, typing.Literal}
            for part in alternatives(self.info.annotation)
        )


def leaves(model: type[BaseModel], section: str) -> Iterator[Leaf]:
    """Every setting of a model, in the order of its fields; nested models are walked through."""
    return _leaves(model, (section,))


def prefix(section: str) -> str:
    """What the names of the section's variables start with."""
    return f"FAILSOFT_{section.replace('-', '_').upper()}_"


def alternatives(annotation: object) -> tuple[object, ...]:
    """The members of a union except None, without `Annotated`; of anything else, itself."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return alternatives(typing.get_args(annotation)[0])
    if origin is typing.Union or origin is types.UnionType:
        members = typing.get_args(annotation)
        return tuple(part for m in members for part in alternatives(m) if m is not types.NoneType)
    return (annotation,)


def inner_types(annotation: object, key: str | int) -> tuple[object, ...]:
    """What may stand at a key of a model or mapping, or at an index of a list."""
    if is_model(annotation):
        info = annotation.model_fields.get(str(key))
        return () if info is None else (info.annotation,)
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1:]
    return tuple(argument for argument in arguments if argument is not Ellipsis)


def holds_secret(annotation: object) -> bool:
    """Whether a value of that type can have a secret anywhere in it."""
    if is_model(annotation):
        return issubclass(annotation, SecretSource) or any(
            holds_secret(info.annotation) for info in annotation.model_fields.values()
        )
    if isinstance(annotation, type) and issubclass(annotation, SecretStr | SecretBytes):
        return True
    return any(holds_secret(part) for part in typing.get_args(annotation))


def is_model(annotation: object) -> typing.TypeGuard[type[BaseModel]]:
    """Whether it is a class of models, as opposed to a plain type or a generic."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _leaves(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[Leaf]:
    for name, info in model.model_fields.items():
        here = (*path, name)
        parts = alternatives(info.annotation)
        if len(parts) == 1 and is_model(parts[0]):
            yield from _leaves(parts[0], here)
        else:
            yield Leaf(path=here, variable=_variable(here), info=info)


def _variable(path: tuple[str, ...]) -> str:
    return prefix(path[0]) + "__".join(path[1:]).upper()
