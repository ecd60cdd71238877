"""Reads long tool calls with a parser of vLLM's, in the environment that has it.

    .venv-vllm/bin/python tests/support/vllm_calls.py DIRECTORY

Prints what it found as JSON, see `Seen`.
"""

import dataclasses
import json
import sys
from pathlib import Path

from vllm.tokenizers import get_tokenizer

from failsoft_local_llm.adapters.vllm.calls import CallReaders
from failsoft_local_llm.core.blocks import CallPiece
from failsoft_local_llm.core.decoding import Decoding
from failsoft_local_llm.core.order import Caller, Order
from failsoft_local_llm.ports import FormRefused
from failsoft_model.chat import Tool

WORDS = 6000
PARAMETERS = '{"type": "object", "properties": {"text": {"type": "string"}}}'
NO_JSON = '{"type": "number", "maximum": NaN}'
CALLS = [{"name": "note", "parameters": {"text": text}} for text in ("word " * WORDS, "a", "b")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of an answer of one long call and two short ones."""

    tokens: int
    pieces: int
    """Of the first call, the last ones of which came when the answer was over."""
    called: list[tuple[str, str]]
    """Names and arguments."""
    refused: bool
    """Whether the order was, whose tool has parameters that are no JSON."""


def main(directory: Path) -> Seen:
    readers = CallReaders("llama3_json", get_tokenizer(str(directory)))
    reader = readers.reader(order(PARAMETERS))
    answer = "; ".join(json.dumps(call) for call in CALLS)
    words = [word + " " for word in answer.split(" ")]
    said = [piece for word in words for piece in reader.feed([(7, word.encode())])]
    said += reader.finish()
    pieces = [piece for piece in said if isinstance(piece, CallPiece)]
    return Seen(
        tokens=len(words),
        pieces=sum(piece.call == 0 for piece in pieces),
        called=[whole(pieces, number) for number in range(len(CALLS))],
        refused=is_refused(readers),
    )


def whole(pieces: list[CallPiece], number: int) -> tuple[str, str]:
    own = [piece for piece in pieces if piece.call == number]
    return "".join(piece.name for piece in own), "".join(piece.arguments for piece in own)


def is_refused(readers: CallReaders) -> bool:
    try:
        readers.reader(order(NO_JSON))
    except FormRefused:
        return True
    return False


def order(parameters: str) -> Order:
    return Order(
        prompt=[7],
        decoding=Decoding(max_tokens=8, temperature=0.0),
        caller=Caller(tenant="acme", id="r1"),
        tools=(Tool(name="note", description="", parameters_json=parameters),),
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dataclasses.asdict(main(Path(sys.argv[1])))))
