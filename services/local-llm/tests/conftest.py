"""Fixtures of this service's tests."""

import struct
from collections.abc import Callable, Mapping

import pytest

Value = int | str | list[str] | list[int]
MakeGguf = Callable[..., bytes]


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _typed(value: Value) -> bytes:
    match value:
        case str():
            return struct.pack("<I", 8) + _string(value)
        case int():
            return struct.pack("<II", 4, value)
        case _:
            return struct.pack("<I", 9) + _array(value)


def _array(values: list[str] | list[int]) -> bytes:
    items = [_string(each) if isinstance(each, str) else struct.pack("<I", each) for each in values]
    kind = 8 if values and isinstance(values[0], str) else 4
    return struct.pack("<IQ", kind, len(values)) + b"".join(items)


TINY: Mapping[str, Value] = {
    "general.architecture": "llama",
    "llama.context_length": 64,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": ["<s>", "</s>", "a", "b"],
    "tokenizer.ggml.token_type": [3, 3, 1, 1],
    "tokenizer.ggml.bos_token_id": 0,
    "tokenizer.ggml.eos_token_id": 1,
    "tokenizer.chat_template": "{{ messages[0]['content'] }}",
}


@pytest.fixture
def make_gguf() -> MakeGguf:
    """Makes a GGUF file of one float tensor with four elements; the metadata may be changed.

    A value of None takes the entry away.
    """

    def make(**changes: Value | None) -> bytes:
        named = {name.replace("__", "."): value for name, value in changes.items()}
        merged = {**TINY, **named}
        entries = {key: value for key, value in merged.items() if value is not None}
        header = b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries))
        for key, value in entries.items():
            header += _string(key) + _typed(value)
        header += _string("w") + struct.pack("<IQIQ", 1, 4, 0, 0)
        return header + bytes(-len(header) % 32) + bytes(16)

    return make
