"""The command `explain-profile`: what this machine has, what it should run, and why."""

import argparse
import json
import sys
from pathlib import Path

from failsoft_kit.process import REFUSED
from failsoft_kit.startup import StartupError
from failsoft_local_llm.core.profile.choice import Profile, Refusal, Wish
from failsoft_local_llm.core.profile.report import as_record, as_text
from failsoft_local_llm.decision import MODELS_DIRECTORY, decide

NAME = "explain-profile"
EXPLAINED = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be wished for, and the form of the answer."""
    parser.add_argument(
        "--profile",
        choices=[profile.value for profile in Profile],
        default=Profile.AUTO.value,
        help="how big a model is wanted",
    )
    parser.add_argument("--model", metavar="NAME", help="a model of the catalogue, or weights")
    parser.add_argument(
        "--context", type=whole_number, metavar="TOKENS", help="conversation and answer"
    )
    parser.add_argument("--sequences", type=whole_number, metavar="N", help="answered at once")
    parser.add_argument("--threads", type=whole_number, metavar="N", help="of the engine")
    parser.add_argument(
        "--models", type=Path, default=MODELS_DIRECTORY, metavar="DIR", help="where models are kept"
    )
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="models of your own")
    parser.add_argument("--json", action="store_true", help="for programs")


def explain_profile(arguments: argparse.Namespace) -> int:
    """Prints the decision for this machine as it is now.

    Returns:
        The exit code. 0: something can be served. 2: nothing can, or the catalogue is wrong.
    """
    wish = Wish(
        profile=Profile(arguments.profile),
        model=arguments.model,
        context_tokens=arguments.context,
        max_sequences=arguments.sequences,
        threads=arguments.threads,
    )
    try:
        machine, decision = decide(
            wish, directory=arguments.models, catalogue_file=arguments.catalogue
        )
    except StartupError as refusal:
        sys.stderr.writelines(f"{problem}\n" for problem in refusal.problems)
        return REFUSED
    if arguments.json:
        sys.stdout.write(json.dumps(as_record(machine, decision), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(machine, decision))
    return REFUSED if isinstance(decision, Refusal) else EXPLAINED


def whole_number(text: str) -> int:
    """For argparse, which puts the name of this function into its refusal."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number
