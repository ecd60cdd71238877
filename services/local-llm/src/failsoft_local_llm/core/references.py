"""Where the references of one JSON Schema lead."""

from typing import TypeAlias

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class References:
    """Follows the references of one document, each of them once however many lead to it."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._followed: dict[str, str | None] = {}
        """What is wrong with those that were followed."""

    def problem(self, reference: Json) -> str | None:
        """What is wrong with it; None: it leads to a schema in the same document."""
        chain: set[str] = set()
        why = self._end(reference, chain)
        self._followed |= dict.fromkeys(chain, why)
        return why

    def _end(self, reference: Json, chain: set[str]) -> str | None:
        """What is wrong where it ends; each link on the way is put into the chain."""
        while True:
            if not isinstance(reference, str) or not f"{reference}/".startswith("#/"):
                return "it must be # or begin with #/, for nothing is fetched"
            if reference in self._followed:
                return self._followed[reference]
            if reference in chain:
                return "it leads back to itself"
            chain.add(reference)
            target = self._target(reference)
            if not isinstance(target, dict):
                return "there is no schema at that place"
            if "$ref" not in target:
                return None
            reference = target["$ref"]

    def _target(self, reference: str) -> Json:
        target = self._document
        for name in reference.split("/")[1:]:
            target = target.get(_unescaped(name)) if isinstance(target, dict) else None
        return target


def _unescaped(name: str) -> str:
    return name.replace("~1", "/").replace("~0", "~")
