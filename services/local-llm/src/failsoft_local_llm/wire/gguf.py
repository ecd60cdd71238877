"""GGUF: what a model's file says about itself, and whether the file is whole.

    magic, version, number of tensors, number of metadata entries
    metadata: key, type, value; arrays carry their type and length
    tensors: name, dimensions, type, offset into the data
    data, aligned

Engines map the file and trust it: one that was cut ends their process without a word.
So the file is measured here before any engine sees it.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from failsoft_local_llm.core.facts import ModelFacts

Scalar = int | float | bool | str
Value = Scalar | list["Value"]

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f",
    7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip
_STRING, _ARRAY = 8, 9
_DEEPEST_ARRAY = 4

# Tensor type -> elements in a block, bytes of a block.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 30: (1, 2),
    2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210),
}  # fmt: skip

_BYTE_LEVEL = "gpt2"
_CONTROL_TOKEN = 3
_USER_DEFINED_TOKEN = 4


class BadModelFile(ValueError):
    """The file is no model that can be served; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands before the data."""

    metadata: Mapping[str, Value]
    needed_bytes: int
    """Bytes that the whole file has at least; tensors of unknown types count as empty."""


def model_facts(file: memoryview) -> ModelFacts:
    """What the file says about its model.

    Args:
        file: The whole file.

    Raises:
        BadModelFile: it is not GGUF, not whole, or its model cannot be served.
    """
    header = parse_header(file)
    if len(file) < header.needed_bytes:
        raise BadModelFile(
            f"it was cut: it has {len(file)} of at least {header.needed_bytes} bytes"
        )
    return _facts(header.metadata)


def parse_header(file: memoryview) -> Header:
    """Reads everything that stands before the data.

    Raises:
        BadModelFile: it is not GGUF, or ends inside its header.
    """
    if bytes(file[:4]) != _MAGIC:
        raise BadModelFile("it is not a GGUF file")
    try:
        return _header(_Reader(file))
    except (struct.error, UnicodeDecodeError) as error:
        raise BadModelFile("it was cut or damaged: its header cannot be read") from error


def _header(reader: "_Reader") -> Header:
    reader.skip(len(_MAGIC))
    version = reader.integer("<I")
    if version not in _VERSIONS:
        raise BadModelFile(f"its GGUF version is {version}, only 2 and 3 are known")
    tensors, entries = reader.integer("<Q"), reader.integer("<Q")
    metadata = {reader.string(): reader.value(reader.integer("<I")) for _ in range(entries)}
    data_bytes = max((_tensor_end(reader) for _ in range(tensors)), default=0)
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1:
        raise BadModelFile("its alignment is no positive integer")
    data_start = -(-reader.position // alignment) * alignment
    return Header(metadata=metadata, needed_bytes=data_start + data_bytes)


def _tensor_end(reader: "_Reader") -> int:
    """Reads a tensor's entry: where it ends in the data."""
    reader.string()
    dimensions = [reader.integer("<Q") for _ in range(reader.integer("<I"))]
    kind, offset = reader.integer("<I"), reader.integer("<Q")
    block, block_bytes = _BLOCKS.get(kind, (1, 0))
    return offset + prod(dimensions) // block * block_bytes


class _Reader:
    """Reads little-endian values one after the other; struct.error where the file ends."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self.position = 0

    def skip(self, count: int) -> None:
        self.position += count

    def integer(self, layout: str) -> int:
        return int(self._scalar(layout))

    def string(self) -> str:
        length = self.integer("<Q")
        if length > len(self._view) - self.position:
            raise struct.error("a string is longer than the file")
        text = str(self._view[self.position : self.position + length], "utf-8")
        self.position += length
        return text

    def value(self, kind: int, *, depth: int = 0) -> Value:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY and depth < _DEEPEST_ARRAY:
            inner, count = self.integer("<I"), self.integer("<Q")
            return [self.value(inner, depth=depth + 1) for _ in range(count)]
        if kind in _SCALARS:
            return self._scalar(_SCALARS[kind])
        raise struct.error(f"unknown type {kind}")

    def _scalar(self, layout: str) -> int | float | bool:
        (found,) = struct.unpack_from(layout, self._view, self.position)
        self.position += struct.calcsize(layout)
        return found  # type: ignore[no-any-return]  # the layout decides which


def _facts(metadata: Mapping[str, Value]) -> ModelFacts:
    architecture = _string(metadata, "general.architecture")
    if (kind := _string(metadata, "tokenizer.ggml.model")) != _BYTE_LEVEL:
        raise BadModelFile(f"its tokenizer is {kind!r}, only byte-level ones ('gpt2') are served")
    tokens = _list(metadata, "tokenizer.ggml.tokens")
    kinds = _list(metadata, "tokenizer.ggml.token_type")
    eos = _integer(metadata, "tokenizer.ggml.eos_token_id")
    end = {eos, metadata.get("tokenizer.ggml.eot_token_id", eos)}
    bos = metadata.get("tokenizer.ggml.bos_token_id")
    return ModelFacts(
        architecture=architecture,
        context_tokens=_integer(metadata, f"{architecture}.context_length"),
        chat_template=_string(metadata, "tokenizer.chat_template"),
        bos=_token(tokens, bos) if isinstance(bos, int) else "",
        eos=_token(tokens, eos),
        end_tokens=frozenset(token for token in end if isinstance(token, int)),
        hidden_tokens=frozenset(
            token for token, kind in enumerate(kinds) if kind == _CONTROL_TOKEN
        ),
        control_texts=frozenset(_control_texts(tokens, kinds)),
    )


def _control_texts(tokens: list[Value], kinds: list[Value]) -> Iterator[str]:
    """What is found before a text is tokenised; runs of spaces among it steer nothing."""
    for text, kind in zip(tokens, kinds, strict=False):
        found = kind in (_CONTROL_TOKEN, _USER_DEFINED_TOKEN)
        if found and isinstance(text, str) and not text.isspace():
            yield text


def _string(metadata: Mapping[str, Value], key: str) -> str:
    if isinstance(found := metadata.get(key), str):
        return found
    raise BadModelFile(f"it has no {key}")


def _integer(metadata: Mapping[str, Value], key: str) -> int:
    if isinstance(found := metadata.get(key), int):
        return found
    raise BadModelFile(f"it has no {key}")


def _list(metadata: Mapping[str, Value], key: str) -> list[Value]:
    if isinstance(found := metadata.get(key), list):
        return found
    raise BadModelFile(f"it has no {key}")


def _token(tokens: list[Value], index: int) -> str:
    if 0 <= index < len(tokens) and isinstance(found := tokens[index], str):
        return found
    raise BadModelFile(f"it names token {index}, which it does not have")
