"""What the command line of `preload` says."""

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path

NAME = "preload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What the command line says."""

    name: str
    """A model, or weights of one."""
    to: Path | None = None
    """The store; None: as the settings say, and what is on this machine stays where it is."""
    catalogue: Path | None = None
    """None: as the settings say."""
    token_file: Path | None = None
    verify: bool = False
    """Whether to read all of what is there already."""

    @property
    def command(self) -> str:
        """The same errand again, as one types it."""
        options = {
            "--to": self.to,
            "--catalogue": self.catalogue,
            "--token-file": self.token_file,
        }
        given = [text for name, path in options.items() if path for text in (name, str(path))]
        return shlex.join(["failsoft-local-llm", NAME, self.name, *given])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which model, from where, to where."""
    parser.add_argument("model", metavar="MODEL", help="a model of the catalogue, or weights of it")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="where models are kept (setting models_directory)"
    )
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="models of your own")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="the hub's token, for gated models"
    )
    parser.add_argument(
        "--verify", action="store_true", help="read every byte of what is there already"
    )


def errand_of(arguments: argparse.Namespace) -> Errand:
    """What the command line says."""
    return Errand(
        name=arguments.model,
        to=arguments.to,
        catalogue=arguments.catalogue,
        token_file=arguments.token_file,
        verify=arguments.verify,
    )
