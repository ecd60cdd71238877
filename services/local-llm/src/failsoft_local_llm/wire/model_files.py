"""A model as the Hugging Face hub lays it out: what its small files say about it.

config.json             architecture, context, end tokens
generation_config.json  end tokens; may be missing
tokenizer_config.json   the texts of bos and eos; the chat template of older models
chat_template.jinja     the chat template of newer ones
tokenizer.json          the vocabulary, and the tokens that are found in any text
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.wire.byte_level import token_bytes
from failsoft_local_llm.wire.gguf import BadModelFile

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
GENERATION_CONFIG = "generation_config.json"
CHAT_TEMPLATE = "chat_template.jinja"

REQUIRED = (CONFIG, TOKENIZER, TOKENIZER_CONFIG)
OPTIONAL = (GENERATION_CONFIG, CHAT_TEMPLATE)

_T = TypeVar("_T")


class _Config(msgspec.Struct):
    model_type: str
    max_position_embeddings: int
    eos_token_id: int | list[int] | None = None


class _Generation(msgspec.Struct):
    eos_token_id: int | list[int] | None = None


class _Spelled(msgspec.Struct):
    content: str


class _NamedTemplate(msgspec.Struct):
    name: str
    template: str


class _TokenizerConfig(msgspec.Struct):
    bos_token: str | _Spelled | None = None
    eos_token: str | _Spelled | None = None
    chat_template: str | list[_NamedTemplate] | None = None


class _AddedToken(msgspec.Struct):
    id: int
    content: str
    special: bool = False


class _Vocabulary(msgspec.Struct):
    type: str
    vocab: dict[str, int]


class _Tokenizer(msgspec.Struct):
    model: _Vocabulary
    added_tokens: list[_AddedToken] = []


def model_facts(files: Mapping[str, bytes]) -> ModelFacts:
    """What the files say about the model.

    Args:
        files: Their contents by name; of the optional ones those that there are.

    Raises:
        BadModelFile: one of them cannot be read, or the model cannot be served.
    """
    config = _read(files, CONFIG, _Config)
    spelled = _read(files, TOKENIZER_CONFIG, _TokenizerConfig)
    added = _read(files, TOKENIZER, _Tokenizer).added_tokens
    eos = _text(spelled.eos_token)
    end = {token.id for token in added if token.content == eos} | set(_end_tokens(files, config))
    if not end:
        raise BadModelFile(f"{GENERATION_CONFIG} names no token that ends an answer")
    return ModelFacts(
        architecture=config.model_type,
        context_tokens=config.max_position_embeddings,
        chat_template=_template(files, spelled),
        bos=_text(spelled.bos_token),
        eos=eos,
        end_tokens=frozenset(end),
        hidden_tokens=frozenset(token.id for token in added if token.special),
        control_texts=frozenset(token.content for token in added if not token.content.isspace()),
    )


def vocabulary(tokenizer: bytes) -> dict[int, bytes]:
    """The bytes of each token, as it is spelled where it is not hidden.

    Raises:
        BadModelFile: the file cannot be read, or the tokenizer is no byte-level one.
    """
    read = _read({TOKENIZER: tokenizer}, TOKENIZER, _Tokenizer)
    try:
        known = {token: token_bytes(spelling) for spelling, token in read.model.vocab.items()}
    except KeyError as error:
        raise BadModelFile(
            f"{TOKENIZER} is of type {read.model.type!r} and spells a token with"
            f" {error.args[0]!r}: only byte-level tokenizers are served"
        ) from error
    return known | {token.id: token.content.encode() for token in read.added_tokens}


def _end_tokens(files: Mapping[str, bytes], config: _Config) -> Iterator[int]:
    found = [config.eos_token_id]
    if GENERATION_CONFIG in files:
        found.append(_read(files, GENERATION_CONFIG, _Generation).eos_token_id)
    for each in found:
        match each:
            case int():
                yield each
            case list():
                yield from each


def _template(files: Mapping[str, bytes], spelled: _TokenizerConfig) -> str:
    if CHAT_TEMPLATE in files:
        return files[CHAT_TEMPLATE].decode("utf-8", "replace")
    match spelled.chat_template:
        case str(template):
            return template
        case list(named):
            for each in named:
                if each.name == "default":
                    return each.template
    raise BadModelFile(
        f"it has no chat template, neither {CHAT_TEMPLATE} nor in {TOKENIZER_CONFIG}:"
        " only models that were trained on conversations are served"
    )


def _text(token: str | _Spelled | None) -> str:
    match token:
        case _Spelled(content=content):
            return content
        case str():
            return token
        case None:
            return ""


def _read(files: Mapping[str, bytes], name: str, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(files[name], type=kind)
    except msgspec.DecodeError as error:
        raise BadModelFile(f"{name} was cut or damaged: {error}") from error
