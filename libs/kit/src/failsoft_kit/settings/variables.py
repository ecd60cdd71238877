"""The settings that environment variables give."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import yaml

from failsoft_kit.settings.fields import Leaf, prefix
from failsoft_kit.settings.problems import nearest

_SERVICE_LINK = re.compile(r"\w+(_SERVICE_(HOST|PORT\w*)|_PORT_\d+_(TCP|UDP)\w*|_PORT)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One setting that a variable sets."""

    leaf: Leaf
    value: object


def read_variables(
    leaves: Iterable[Leaf], section: str, environ: Mapping[str, str]
) -> tuple[list[Given], list[str]]:
    """What the section's variables set, and what is wrong with them; an empty one sets nothing."""
    known = {leaf.variable: leaf for leaf in leaves}
    given: list[Given] = []
    problems: list[str] = []
    for variable, text in environ.items():
        if not variable.startswith(prefix(section)):
            continue
        leaf = known.get(variable)
        if leaf is None:
            problems.append(f"{variable} is unknown; {_advice(variable, known)}")
        elif text:
            try:
                given.append(Given(leaf=leaf, value=_value(leaf, text)))
            except yaml.YAMLError:
                problems.append(f"{variable} must be written as YAML, such as [a, b] or {{a: 1}}")
    return given, problems


def _value(leaf: Leaf, text: str) -> object:
    return text if leaf.is_text else yaml.safe_load(text)


def _advice(variable: str, known: Iterable[str]) -> str:
    if _SERVICE_LINK.fullmatch(variable):
        return "if Kubernetes made it, set `enableServiceLinks: false` in the pod"
    return nearest(variable, known)
