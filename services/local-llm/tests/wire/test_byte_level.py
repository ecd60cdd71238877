"""Tokens that spell bytes."""

import pytest

from failsoft_local_llm.wire.byte_level import token_bytes


@pytest.mark.parametrize(
    ("spelling", "data"),
    [
        ("abc", b"abc"),
        ("Ġhello", b" hello"),
        ("ĊĊ", b"\n\n"),
        ("Ã¼", "ü".encode()),
        ("ðŁ¦ľ", "🦜".encode()),
        ("Ń", b"\xad"),
        ("", b""),
    ],
)
def test_a_spelling_stands_for_its_bytes(spelling: str, data: bytes) -> None:
    assert token_bytes(spelling) == data


def test_every_byte_has_one_character() -> None:
    spellings = [chr(number) for number in range(0x144) if chr(number).isprintable()]
    spelled = []
    for spelling in spellings:
        try:
            spelled.append(token_bytes(spelling))
        except KeyError:
            assert spelling in (" ", "\xa0")

    assert sorted(spelled) == [bytes([byte]) for byte in range(256)]


def test_a_character_of_another_kind_of_tokenizer_is_refused() -> None:
    """Sentencepiece writes a space as U+2581."""
    with pytest.raises(KeyError):
        token_bytes("▁hello")
