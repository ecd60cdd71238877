"""Reading a model's directory: what it says about itself, and whether it is whole."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from failsoft_kit.startup import StartupError
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.wire.gguf import BadModelFile
from failsoft_local_llm.wire.model_files import (
    OPTIONAL,
    REQUIRED,
    TOKENIZER,
    model_facts,
    vocabulary,
)
from failsoft_local_llm.wire.safetensors import LENGTH, LONGEST_HEADER, needed_bytes

_ADAPTER_CONFIG = "adapter_config.json"
_ADAPTER_WEIGHTS = "adapter_model.safetensors"
_INDEX = "model.safetensors.index.json"
_WEIGHTS = "*.safetensors"


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


class _AdapterConfig(msgspec.Struct):
    r: int


def read_directory_facts(directory: Path) -> ModelFacts:
    """What the directory says about its model, after a check that all of it is there.

    Raises:
        StartupError: it cannot be read or served; says which file, why, and what to do.
    """
    try:
        _check_weights(directory)
        return model_facts(dict(_small_files(directory)))
    except OSError as error:
        raise _refusal(directory, f"{error.filename}: {error.strerror}") from error
    except BadModelFile as error:
        raise _refusal(directory, str(error)) from error


def read_vocabulary(directory: Path) -> dict[int, bytes]:
    """The bytes of each token. Raises StartupError like `read_directory_facts`."""
    try:
        return vocabulary((directory / TOKENIZER).read_bytes())
    except OSError as error:
        raise _refusal(directory, f"{error.filename}: {error.strerror}") from error
    except BadModelFile as error:
        raise _refusal(directory, str(error)) from error


def read_adapter_rank(name: str, directory: Path) -> int:
    """The rank of a LoRA adapter in PEFT's form, after a check that all of it is there.

    Raises:
        StartupError: it cannot be read; says which file, why, and what to do.
    """
    try:
        config = (directory / _ADAPTER_CONFIG).read_bytes()
        _check_whole(directory / _ADAPTER_WEIGHTS)
        return msgspec.json.decode(config, type=_AdapterConfig).r
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
    except BadModelFile as error:
        why = str(error)
    except msgspec.DecodeError as error:
        why = f"{_ADAPTER_CONFIG} was cut or damaged: {error}"
    raise StartupError(
        f"the adapter {name!r} in {str(directory)!r} cannot be used: {why}; copy it again, or take"
        " it out of local_llm.adapters (FAILSOFT_LOCAL_LLM_ADAPTERS)"
    )


def _small_files(directory: Path) -> Iterator[tuple[str, bytes]]:
    for name in REQUIRED:
        yield name, (directory / name).read_bytes()
    for name in OPTIONAL:
        if (directory / name).exists():
            yield name, (directory / name).read_bytes()


def _check_weights(directory: Path) -> None:
    """Engines map these files and trust them: one that was cut ends their process."""
    directory.stat()
    index = directory / _INDEX
    if index.exists():
        try:
            parts = msgspec.json.decode(index.read_bytes(), type=_Index).weight_map.values()
        except msgspec.DecodeError as error:
            raise BadModelFile(f"{_INDEX} was cut or damaged: {error}") from error
        weights = [directory / name for name in sorted(set(parts))]
    else:
        weights = sorted(directory.glob(_WEIGHTS))
    if not weights:
        raise BadModelFile(f"it has no weights ({_WEIGHTS}); other formats are not served")
    for file in weights:
        _check_whole(file)


def _check_whole(file: Path) -> None:
    size = file.stat().st_size
    try:
        with file.open("rb") as opened:
            (length,) = LENGTH.unpack(opened.read(LENGTH.size).ljust(LENGTH.size, b"\xff"))
            if length > min(size, LONGEST_HEADER):
                raise BadModelFile(f"{file.name} is no safetensors file, or was cut in its header")
            needed = needed_bytes(opened.read(length))
    except msgspec.DecodeError as error:
        raise BadModelFile(f"{file.name} has a header that cannot be read") from error
    if size < needed:
        raise BadModelFile(f"{file.name} was cut: it has {size} of {needed} bytes")


def _refusal(directory: Path, why: str) -> StartupError:
    return StartupError(
        f"the model directory {str(directory)!r} cannot be used: {why}; copy the whole model"
        " again, or set local_llm.model_directory (FAILSOFT_LOCAL_LLM_MODEL_DIRECTORY) to another"
    )
