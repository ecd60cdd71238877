"""Puts facts, catalogue and wishes together: what this machine should run."""

from pathlib import Path

from failsoft_local_llm.adapters.catalogue_file import read_catalogue
from failsoft_local_llm.adapters.hardware.machine import read_machine
from failsoft_local_llm.core.catalogue import Catalogue
from failsoft_local_llm.core.known_models import CATALOGUE
from failsoft_local_llm.core.profile.choice import Choice, Refusal, Wish
from failsoft_local_llm.core.profile.choose import choose
from failsoft_local_llm.core.profile.facts import Machine

MODELS_DIRECTORY = Path("~/.cache/failsoft/models")
"""Where models are kept unless told otherwise."""


def decide(
    wish: Wish, *, directory: Path = MODELS_DIRECTORY, catalogue_file: Path | None = None
) -> tuple[Machine, Choice | Refusal]:
    """What the machine has now, and what it should run.

    Args:
        directory: Where models are kept, each set of weights in a folder of its name.
        catalogue_file: Models besides those that Failsoft knows.

    Raises:
        SettingsError: the catalogue's file cannot be used.
        StartupError: the directory cannot be read.
    """
    catalogue = known_models(catalogue_file)
    machine = read_machine(catalogue, directory.expanduser())
    return machine, choose(machine, catalogue, wish)


def known_models(catalogue_file: Path | None) -> Catalogue:
    """Failsoft's catalogue, with the operator's models before it.

    Raises:
        SettingsError: the catalogue's file cannot be used.
    """
    if catalogue_file is None:
        return CATALOGUE
    return read_catalogue(catalogue_file.expanduser(), CATALOGUE)
