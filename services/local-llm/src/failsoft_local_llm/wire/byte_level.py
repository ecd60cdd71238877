"""Byte-level tokenizers write the bytes of a token as characters that can be seen.

Printable Latin-1 characters stand for their own bytes, and the characters from U+0100 on for the
others, in order. GPT-2 began it; Llama 3 and most models after it do the same.
"""

_SEEN = (range(ord("!"), ord("~") + 1), range(ord("¡"), ord("¬") + 1), range(ord("®"), 256))
_FIRST_OTHER = 256


def _characters() -> dict[str, int]:
    seen = {chr(byte): byte for span in _SEEN for byte in span}
    others = (byte for byte in range(256) if byte not in seen.values())
    return seen | {chr(_FIRST_OTHER + place): byte for place, byte in enumerate(others)}


_BYTES = _characters()


def token_bytes(spelling: str) -> bytes:
    """The bytes that a token of the vocabulary stands for.

    Raises:
        KeyError: it is spelled with another character, so the tokenizer is no byte-level one.
    """
    return bytes(_BYTES[character] for character in spelling)
