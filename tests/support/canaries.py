"""Words that must not be written down, and where they are looked for.

A canary is a text that nobody else says. It is looked for as it is, and as encodings show it
whole: in Base64 wherever it begins, in hexadecimal digits, in a URL.
"""

import base64
import json
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

BLOCK = 3
"""Bytes that four characters of Base64 stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """One word.

    Attributes:
        what: It stands for: a prompt, a key.
    """

    what: str
    text: str

    @classmethod
    def new(cls, what: str) -> "Canary":
        """One that was never seen before."""
        return cls(what=what, text=f"Canary.{secrets.token_hex(12)}!")

    @property
    def forms(self) -> Collection[bytes]:
        """What to look for; parts of Base64 that its neighbours change are left out."""
        plain = self.text.encode()
        shifted = {plain[start:] for start in range(BLOCK)}
        whole = {each[: len(each) // BLOCK * BLOCK] for each in shifted}
        return {
            plain,
            plain.hex().encode(),
            quote(self.text, safe="").encode(),
            *map(base64.b64encode, whole),
            *map(base64.urlsafe_b64encode, whole),
        }

    def disguised(self, form: str, *, after: bytes, before: bytes) -> bytes:
        """It between other words, all of it in that form."""
        whole = after + self.text.encode() + before
        match form:
            case "plain":
                return whole
            case "json":
                return json.dumps({"said": whole.decode()}).encode()
            case "base64":
                return base64.b64encode(whole)
            case "urlsafe":
                return base64.urlsafe_b64encode(whole)
            case "hex":
                return whole.hex().encode()
            case "url":
                return quote(whole.decode(), safe="").encode()
            case _:
                raise ValueError(form)

    def is_in(self, place: bytes) -> bool:
        """Whether somebody has written it down there."""
        return any(form in place for form in self.forms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A canary that was found, and where."""

    what: str
    place: str


def found(canaries: Collection[Canary], places: Mapping[str, bytes]) -> set[Finding]:
    """Every canary in every place."""
    return set(_found(canaries, places))


def _found(canaries: Collection[Canary], places: Mapping[str, bytes]) -> Iterator[Finding]:
    for canary in canaries:
        for place, content in places.items():
            if canary.is_in(content):
                yield Finding(what=canary.what, place=place)
