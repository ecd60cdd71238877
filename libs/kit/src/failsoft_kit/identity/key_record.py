"""What is kept of an API key: one line of JSON in the file of keys.

    {"id":"…","sha256":"…","tenant":"acme","scopes":[],"created":"…","expires":"…","name":"…"}

`scopes`, `expires`, `revoked` and `name` may be missing: none, never, no, and no name.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

import orjson
from pydantic import AfterValidator, AwareDatetime, Field, ValidationError, model_validator

from failsoft_kit.identity.api_key import ID_PATTERN
from failsoft_kit.identity.principal import TENANT_RULE, Kind, Principal, is_tenant
from failsoft_kit.settings.fields import Settings
from failsoft_kit.startup import StartupError

SCOPES = ("operator",)
"""What a key may be allowed beyond asking for its tenant."""

LONGEST_NAME = 100

_FIELD = re.compile(r"[a-z0-9_]{1,20}")
"""Much shorter than a key, which somebody may have written where a field's name belongs."""
_SHOULD = re.compile(r"^\w+ should ")


def _tenant(name: str) -> str:
    if not is_tenant(name):
        raise ValueError(f"must be a tenant's name: {TENANT_RULE}")
    return name


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("must be printable")
    return name


class KeyRecord(Settings):
    """One key; its secret is not in it."""

    id: Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", repr=False)]
    tenant: Annotated[str, AfterValidator(_tenant)]
    scopes: frozenset[Literal["operator"]] = frozenset()
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None
    name: Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_printable)] = ""

    @model_validator(mode="after")
    def _expires_after_it_was_created(self) -> Self:
        if self.expires is not None and self.expires <= self.created:
            raise ValueError("`expires` must be later than `created`")
        return self

    @property
    def principal(self) -> Principal:
        """Who shows the key."""
        return Principal(tenant=self.tenant, kind=Kind.USER, scopes=frozenset(self.scopes))

    def has_expired(self, unix: float) -> bool:
        """Whether its time was over at that moment."""
        return self.expires is not None and self.expires.timestamp() <= unix

    def to_line(self) -> bytes:
        """The line, with its line feed; what is missing by default is left out."""
        written = self.model_dump(mode="json", exclude_defaults=True)
        return orjson.dumps(written, option=orjson.OPT_APPEND_NEWLINE)


def read_records(content: bytes, *, name: str) -> dict[str, KeyRecord]:
    """The keys of a file by their ids; empty lines and those that begin with `#` are passed over.

    Args:
        name: The file, for messages about it.

    Raises:
        StartupError: with every mistake, each with its line and field; nothing of the file's
            values is quoted, since who misreads what belongs there may have written a secret.
    """
    records: dict[str, KeyRecord] = {}
    lines: dict[str, int] = {}
    problems: list[str] = []
    for number, line in written_lines(content):
        try:
            record = KeyRecord.model_validate_json(line, strict=True)
        except ValidationError as error:
            problems += (f"{name}, line {number}: {wrong}" for wrong in _mistakes(error))
            continue
        if record.id in records:
            first = lines[record.id]
            problems.append(f"{name}, line {number}: `id` is already on line {first}")
        records[record.id], lines[record.id] = record, number
    if problems:
        raise StartupError(*problems)
    return records


def written_lines(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that say something, by their numbers from 1."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        text = line.strip()
        if text and not text.startswith(b"#"):
            yield number, text


def created_at(unix: float) -> datetime:
    """A moment as records have it: in whole seconds."""
    return datetime.fromtimestamp(int(unix), tz=UTC)


def _mistakes(error: ValidationError) -> Iterable[str]:
    for details in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(map(str, details["loc"]))
        subject = f"`{place}` " if place else ""
        match details["type"]:
            case "missing":
                yield f"{subject}is missing"
            case "extra_forbidden":
                field = subject if _FIELD.fullmatch(place) else "a field "
                yield f"{field}is unknown; known are {_known()}"
            case "json_invalid":
                yield "is no JSON"
            case _:
                rule = details["msg"].removeprefix("Value error, ")
                yield subject + _SHOULD.sub("must ", rule)


def _known() -> str:
    return ", ".join(f"`{field}`" for field in KeyRecord.model_fields)
