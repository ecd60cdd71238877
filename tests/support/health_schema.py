"""The schema of `GET /health`, as it is published, and its fields."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

FILE = Path(__file__).resolve().parents[2] / "docs" / "health.schema.json"

Schema = Mapping[str, Any]


def published() -> Schema:
    """The schema."""
    schema: Schema = json.loads(FILE.read_text())
    return schema


def check() -> None:
    """
    Raises:
        SchemaError: It is no schema.
    """
    Draft202012Validator.check_schema(published())


def mistakes(document: object) -> list[str]:
    """What of a document the schema does not allow; empty: it is one of ours."""
    found = Draft202012Validator(published()).iter_errors(document)
    return [f"{each.json_path}: {each.message}" for each in found]


def objects(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every object that the schema describes, by its path; "" is the document."""
    if "items" in schema:
        yield from objects(schema["items"], f"{path}[]")
    if "properties" in schema:
        yield path, schema
        for name, field in schema["properties"].items():
            yield from objects(field, f"{path}.{name}".lstrip("."))
